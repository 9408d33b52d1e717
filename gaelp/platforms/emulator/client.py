"""The emulator as an AdPlatform, over HTTP.

It makes no retries, because they belong to Temporal. A write that was sent and not answered, or answered with 5xx, with
a gateway's time-out or with what cannot be read, has an unknown outcome; a write that was never sent (no connection)
surely did not happen. Touch this when the emulator's routes change.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TypeVar
from urllib.parse import quote, urlencode, urlsplit

import urllib3
from pydantic import BaseModel, TypeAdapter, ValidationError
from safetensors import numpy as safetensors_numpy
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError

from gaelp.domain.platform_records import CampaignReport, CampaignSpec, CampaignState
from gaelp.market.parameters import MarketParameters
from gaelp.platforms.emulator import wire
from gaelp.platforms.protocol import CALL_SECONDS, DuplicateName, OutcomeUnknown, PlatformError, WatchesCalls

Answer = TypeVar("Answer")
_SIZES: TypeAdapter[tuple[int, int] | None] = TypeAdapter(tuple[int, int] | None)
_STATES = TypeAdapter(tuple[CampaignState, ...])
_STATE = TypeAdapter(CampaignState)
_REPORT = TypeAdapter(CampaignReport)
GATEWAY_TIMED_OUT = 408  # also said by what stands between us and the platform, which may have carried out the call
KEPT_CONNECTIONS = 32  # as many as calls of one process at once, in several threads
NO_HEADERS: Mapping[str, str] = {}
JSON_BODY = {"Content-Type": "application/json"}
_NEVER_SENT = (NewConnectionError, ConnectTimeoutError)


class _NotFound(PlatformError):
    """The emulator has no campaign of that id, or no such route."""


class EmulatorPlatform:
    """Reused connections to one emulator; `timeout_seconds` bounds a whole call, and `calls` is told of each."""

    unique_names = True

    def __init__(
        self, url: str, token: str, timeout_seconds: float = CALL_SECONDS, calls: WatchesCalls | None = None
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise PlatformError(f"The emulator's address {url!r} is not an http address.", permanent=True)
        self._url = url.rstrip("/")
        self._place = parts.path.rstrip("/")
        self._calls = calls
        # No proxy of the environment sees the token: a pool of connections to one host knows none.
        self._pool = urllib3.connection_from_url(
            self._url,
            headers={"Authorization": f"Bearer {token}"},
            timeout=urllib3.Timeout(total=timeout_seconds, connect=0.2 * timeout_seconds),
            maxsize=KEPT_CONNECTIONS,
        )

    def close(self) -> None:
        """Give the connection back."""
        self._pool.close()

    def read(self, account: str, platform_id: str) -> CampaignState | None:
        """The campaign of that id, or None."""
        try:
            response = self._read(_campaign(account, platform_id), {})
        except _NotFound:
            return None
        return self._parsed(_STATE, response)

    def find(self, account: str, external_name: str) -> CampaignState | None:
        """The campaign of that name, or None."""
        response = self._read(_campaigns(account), {"name": external_name})
        states = self._parsed(_STATES, response)
        return states[0] if states else None

    def campaigns(self, account: str) -> tuple[CampaignState, ...]:
        """Every campaign of the account, in the order of creation."""
        return self._parsed(_STATES, self._read(_campaigns(account), {}))

    def report(self, account: str, platform_id: str, at: datetime | None) -> CampaignReport:
        """What the platform reports at `at`, or at the instant that the campaign has reached."""
        instant = {} if at is None else {"at": at.isoformat()}
        response = self._read(f"{_campaign(account, platform_id)}/report", instant)
        return self._parsed(_REPORT, response)

    def create_paused(self, spec: CampaignSpec, at: datetime) -> CampaignState:
        """Create it paused; a known name raises DuplicateName."""
        response = self._write("POST", _campaigns(spec.account), wire.Create, spec=spec, at=at)
        try:
            return self._parsed(_STATE, response)
        except PlatformError as error:  # it was answered as done, so the campaign may be there
            raise OutcomeUnknown(str(error)) from error

    def set_budget(self, account: str, platform_id: str, daily_budget_micros: int, at: datetime) -> None:
        """Absolute daily budget from `at` on."""
        place = f"{_campaign(account, platform_id)}/budget"
        self._write("PUT", place, wire.SetBudget, daily_budget_micros=daily_budget_micros, at=at)

    def set_delivery(
        self,
        account: str,
        platform_id: str,
        bid_micros: tuple[int, ...],
        creative_prob: tuple[tuple[float, ...], ...],
        at: datetime,
    ) -> None:
        """Bids [S] per thousand impressions and creative shares [S][K], absolute, from `at` on."""
        place = f"{_campaign(account, platform_id)}/delivery"
        self._write("PUT", place, wire.SetDelivery, bid_micros=bid_micros, creative_prob=creative_prob, at=at)

    def set_end(self, account: str, platform_id: str, end_at: datetime, at: datetime) -> None:
        """Delivery stops at `end_at` by itself."""
        self._write("PUT", f"{_campaign(account, platform_id)}/end", wire.SetEnd, end_at=end_at, at=at)

    def enable(self, account: str, platform_id: str, at: datetime) -> None:
        """Deliver from `at` on."""
        self._write("PUT", f"{_campaign(account, platform_id)}/status", wire.SetStatus, enabled=True, at=at)

    def pause(self, account: str, platform_id: str, at: datetime | None) -> None:
        """Stop delivering at `at`, or at the instant the campaign has reached."""
        self._write("PUT", f"{_campaign(account, platform_id)}/status", wire.SetStatus, enabled=False, at=at)

    def open_world(self, account: str, market: MarketParameters) -> str:
        """Upload the account's base world, for campaigns created from now on; returns its digest."""
        body = safetensors_numpy.save(market.to_arrays())
        response = self._call("PUT", _world(account), write=True, body=body)
        return str(response.json()["digest"])

    def world_sizes(self, account: str) -> tuple[int, int] | None:
        """Segments and creatives of the account's own world; None where it takes campaigns of any size."""
        return self._parsed(_SIZES, self._read(_world(account), {}))

    def _read(self, path: str, parameters: Mapping[str, str]) -> urllib3.BaseHTTPResponse:
        return self._call("GET", f"{path}?{urlencode(parameters)}" if parameters else path, write=False)

    def _write(self, method: str, path: str, model: type[BaseModel], **fields: object) -> urllib3.BaseHTTPResponse:
        try:
            body = model.model_validate(fields).model_dump_json()
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(str(part) for part in first["loc"])
            raise PlatformError(f"The emulator would refuse {place}: {first['msg']}.", permanent=True) from error
        return self._call(method, path, write=True, body=body.encode(), headers=JSON_BODY)

    def _call(
        self, method: str, path: str, *, write: bool, body: bytes | None = None, headers: Mapping[str, str] = NO_HEADERS
    ) -> urllib3.BaseHTTPResponse:
        if self._calls is None:
            return self._sent(method, path, write, body, headers)
        self._calls.before_call()
        try:
            response = self._sent(method, path, write, body, headers)
        except PlatformError as error:
            self._calls.after_call(error)
            raise
        self._calls.after_call(None)
        return response

    def _sent(
        self, method: str, path: str, write: bool, body: bytes | None, headers: Mapping[str, str]
    ) -> urllib3.BaseHTTPResponse:
        try:
            response = self._pool.urlopen(
                method, self._place + path, body, {**self._pool.headers, **headers},
                retries=False, redirect=False,
            )  # fmt: skip
        except _NEVER_SENT as error:
            raise PlatformError(self._absent(), permanent=False) from error
        except HTTPError as error:
            what = f"The emulator at {self._url} did not answer {method} {path} ({type(error).__name__})."
            raise (OutcomeUnknown(what) if write else PlatformError(what, permanent=False)) from error
        if 200 <= response.status < 300:
            return response
        what = f"The emulator refused {method} {path}: {_message(response)}"
        if response.status >= 500 or response.status == GATEWAY_TIMED_OUT:
            raise OutcomeUnknown(what) if write else PlatformError(what, permanent=False)
        if response.status == 404:
            raise _NotFound(what, permanent=True)
        if response.status == 409:
            raise DuplicateName(what)
        if response.status == 429:
            raise PlatformError(what, permanent=False, retry_after_seconds=_asked_seconds(response))
        raise PlatformError(what, permanent=True)

    def _parsed(self, adapter: TypeAdapter[Answer], response: urllib3.BaseHTTPResponse) -> Answer:
        try:
            return adapter.validate_json(response.data)
        except ValidationError as error:
            what = f"What answers at {self._url} is not the platform emulator of this version."
            raise PlatformError(what, permanent=True) from error

    def _absent(self) -> str:
        parts = urlsplit(self._url)
        return (
            f"The platform emulator does not answer at {self._url}: start it with `python -m gaelp.platforms.emulator "
            f"--host {parts.hostname} --port {parts.port or 80} --db FILE --seed N`."
        )


def _asked_seconds(response: urllib3.BaseHTTPResponse) -> float | None:
    """Seconds of the header Retry-After; its other form, a date, is not the emulator's."""
    asked = response.headers.get("Retry-After", "")
    return float(asked) if asked.isdecimal() else None


def _message(response: urllib3.BaseHTTPResponse) -> str:
    try:
        return wire.ErrorBody.model_validate_json(response.data).message
    except ValidationError:
        return f"HTTP {response.status}"


def _world(account: str) -> str:
    return f"/control/accounts/{quote(account, safe='')}/world"


def _campaigns(account: str) -> str:
    return f"/accounts/{quote(account, safe='')}/campaigns"


def _campaign(account: str, platform_id: str) -> str:
    return f"{_campaigns(account)}/{quote(platform_id, safe='')}"
