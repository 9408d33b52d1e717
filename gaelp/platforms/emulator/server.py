"""The emulator over HTTP; what a verb does is in service.py.

Handlers are coroutines on one event loop and the service is synchronous: verbs happen one after another, and a fault
that hangs blocks nobody else. Every error is JSON {code, message}; a traceback stays in the server's log. Touch this to
add a route.
"""

from __future__ import annotations

import hmac
from typing import Annotated

from fastapi import APIRouter, Depends, FastAPI, Header, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import AwareDatetime
from starlette.exceptions import HTTPException

from gaelp.domain.ad_accounts import CallQuota
from gaelp.domain.platform_records import CampaignReport, CampaignState
from gaelp.platforms.emulator import wire
from gaelp.platforms.emulator.faults import Fault, Faults, Verb
from gaelp.platforms.emulator.hidden_world import PlannedChange
from gaelp.platforms.emulator.quotas import Quotas
from gaelp.platforms.emulator.refusal import INVALID, Refusal
from gaelp.platforms.emulator.service import Emulator
from gaelp.platforms.emulator.settings_timeline import to_us

LARGEST_WORLD = 64_000_000  # bytes


def create_app(emulator: Emulator, token: str) -> FastAPI:
    """The application; `token` is the bearer token of every route but /healthz."""
    app = FastAPI(title="GAELP platform emulator", docs_url=None, redoc_url=None, openapi_url=None)
    faults, quotas = Faults(), Quotas()

    async def authorised(authorization: Annotated[str, Header()] = "") -> None:
        if not hmac.compare_digest(authorization.encode(), f"Bearer {token}".encode()):
            raise Refusal(401, "UNAUTHENTICATED", "The bearer token is missing or wrong: set GAELP_EMULATOR_TOKEN.")

    @app.get("/healthz")
    async def healthz() -> dict[str, str]:
        return {"status": "ok"}

    async def within_quota(account: str) -> None:
        quotas.count(account)

    calls = [Depends(authorised), Depends(within_quota)]
    app.include_router(_campaigns(emulator, faults), dependencies=calls)
    app.include_router(_settings(emulator, faults), dependencies=calls)
    app.include_router(_control(emulator, faults), prefix="/control", dependencies=[Depends(authorised)])
    app.include_router(_worlds(emulator), dependencies=[Depends(authorised)])
    app.include_router(_quotas(quotas), dependencies=[Depends(authorised)])
    _answer_errors(app)
    return app


def _campaigns(emulator: Emulator, faults: Faults) -> APIRouter:
    """Creates campaigns and reads them."""
    router = APIRouter(prefix="/accounts/{account}/campaigns")

    @router.post("", status_code=201)
    async def create(account: str, body: wire.Create) -> CampaignState:
        return await faults.call("create", account, lambda: emulator.create(account, body))

    @router.get("")
    async def campaigns(account: str, name: str | None = None) -> tuple[CampaignState, ...]:
        return await faults.call("list", account, lambda: emulator.campaigns(account, name), tuple)

    @router.get("/{campaign}")
    async def read(account: str, campaign: str) -> CampaignState:
        return await faults.call("read", account, lambda: emulator.read(account, campaign))

    @router.get("/{campaign}/report")
    async def report(account: str, campaign: str, at: AwareDatetime | None = None) -> CampaignReport:
        return await faults.call("report", account, lambda: emulator.report(account, campaign, at))

    return router


def _settings(emulator: Emulator, faults: Faults) -> APIRouter:
    """Writes a campaign's settings, each absolutely."""
    router = APIRouter(prefix="/accounts/{account}/campaigns/{campaign}")

    @router.put("/status")
    async def status(account: str, campaign: str, body: wire.SetStatus) -> CampaignState:
        if body.enabled and body.at is None:
            raise Refusal(422, INVALID, "Refused: only a pause may come without an instant.")
        verb: Verb = "enable" if body.enabled else "pause"
        fields = {"enabled": body.enabled}
        return await faults.call(verb, account, lambda: emulator.write(account, campaign, body.at, **fields))

    @router.put("/budget")
    async def budget(account: str, campaign: str, body: wire.SetBudget) -> CampaignState:
        fields = {"daily_budget_micros": body.daily_budget_micros}
        return await faults.call("budget", account, lambda: emulator.write(account, campaign, body.at, **fields))

    @router.put("/delivery")
    async def delivery(account: str, campaign: str, body: wire.SetDelivery) -> CampaignState:
        fields = {"bid_micros": body.bid_micros, "creative_prob": body.creative_prob}
        return await faults.call("delivery", account, lambda: emulator.write(account, campaign, body.at, **fields))

    @router.put("/end")
    async def end(account: str, campaign: str, body: wire.SetEnd) -> CampaignState:
        fields = {"end_us": to_us(body.end_at)}
        return await faults.call("end", account, lambda: emulator.write(account, campaign, body.at, **fields))

    return router


def _control(emulator: Emulator, faults: Faults) -> APIRouter:
    """What no real platform has: for tests and the demo."""
    router = APIRouter()

    @router.post("/faults")
    async def add_fault(fault: Fault) -> tuple[Fault, ...]:
        faults.add(fault)
        return faults.waiting

    @router.delete("/faults")
    async def clear_faults() -> tuple[Fault, ...]:
        faults.clear()
        return faults.waiting

    @router.post("/changes")
    async def plan_change(change: PlannedChange) -> tuple[PlannedChange, ...]:
        return emulator.plan_change(change)

    @router.put("/conversion-factor")
    async def set_conversion_factor(body: wire.ConversionFactor) -> wire.ConversionFactor:
        emulator.set_conversion_factor(body.factor)
        return body

    @router.post("/advance")
    async def advance(body: wire.Advance) -> dict[str, int]:
        return {"campaigns": emulator.advance(body.at)}

    @router.put("/accounts/{account}/campaigns/{campaign}/name")
    async def rename(account: str, campaign: str, body: wire.Rename) -> CampaignState:
        return emulator.rename(account, campaign, body.name)

    @router.put("/accounts/{account}/campaigns/{campaign}/creatives")
    async def edit_creatives(account: str, campaign: str, body: wire.EditCreatives) -> CampaignState:
        return emulator.edit_creatives(account, campaign, body.creatives)

    @router.get("/campaigns")
    async def truth() -> tuple[wire.Truth, ...]:
        return emulator.truth()

    return router


def _worlds(emulator: Emulator) -> APIRouter:
    """The base world of an account, and whether it can be charged: no real platform has either to be set."""
    router = APIRouter(prefix="/control/accounts/{account}")

    @router.put("/payment")
    async def set_payment(account: str, body: wire.Payment) -> wire.Payment:
        emulator.set_payment(account, body.failed)
        return body

    @router.put("/world")
    async def put_world(account: str, request: Request) -> dict[str, str]:
        if int(request.headers.get("content-length", "0")) > LARGEST_WORLD:
            raise Refusal(413, "TOO_LARGE", f"Refused: a world has at most {LARGEST_WORLD} bytes.")
        return {"digest": emulator.put_world(account, await request.body())}

    @router.get("/world")
    async def world_sizes(account: str) -> tuple[int, int] | None:
        return emulator.world_sizes(account)

    return router


def _quotas(quotas: Quotas) -> APIRouter:
    """How many calls an account may make, which a real platform decides for itself."""
    router = APIRouter(prefix="/control/accounts/{account}")

    @router.put("/quota")
    async def set_quota(account: str, body: CallQuota) -> wire.QuotaUse:
        quotas.set(account, body)
        return quotas.use(account)

    @router.get("/quota")
    async def quota(account: str) -> wire.QuotaUse:
        return quotas.use(account)

    return router


def _answer_errors(app: FastAPI) -> None:
    def body(status: int, code: str, message: str, headers: dict[str, str] | None = None) -> Response:
        return JSONResponse(wire.ErrorBody(code=code, message=message).model_dump(), status, headers)

    @app.exception_handler(Refusal)
    async def refused(request: Request, error: Refusal) -> Response:
        seconds = error.retry_after_seconds
        headers = None if seconds is None else {"Retry-After": str(seconds)}
        return body(error.status, error.code, error.message, headers)

    @app.exception_handler(RequestValidationError)
    async def malformed(request: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        return body(422, INVALID, f"Refused: {place}: {first['msg']}.")

    @app.exception_handler(HTTPException)
    async def unknown(request: Request, error: HTTPException) -> Response:
        return body(error.status_code, "NO_SUCH_CALL", f"No such call: {request.method} {request.url.path}.")

    @app.exception_handler(Exception)
    async def failed(request: Request, error: Exception) -> Response:
        return body(500, "INTERNAL", "The emulator failed; its log says why.")
