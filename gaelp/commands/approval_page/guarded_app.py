"""What every page here has in common: a one-time link, one session, strict headers, and refusals that are recorded.

A request counts only where it names the page's own address and, where it changes something, comes from the page that
the session was shown last. Touch this to refuse one more thing.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from fastapi import FastAPI, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse
from jinja2 import Environment, PackageLoader, StrictUndefined

from gaelp.errors import GaelpError

LONGEST_BODY = 20_000  # bytes
MOST_RECORDED = 100  # refusals of one page: a stranger must not fill the journal
COOKIE = "gaelp-approval"
TOKEN_BYTES = 32
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "form-action 'none'; base-uri 'none'; frame-ancestors 'none'",
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
STATIC = {"page.js": "text/javascript", "page.css": "text/css"}


class PageRefusal(GaelpError):
    """A request that is not followed: its HTTP status, and one sentence."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


@dataclass
class PageSession:
    """The one session of a page: a link that opens it once, and the number of the page that was shown last."""

    origin: str
    record: Callable[[str], None]  # writes a refusal down
    link: str = field(default_factory=lambda: secrets.token_urlsafe(TOKEN_BYTES))
    cookie: str = ""  # empty until the link was opened
    page: str = ""  # drawn anew whenever the page is shown; used up by a decision
    recorded: int = 0

    @property
    def address(self) -> str:
        """What a person opens."""
        return f"{self.origin}/open/{self.link}"

    def open(self, link: str) -> str:
        """The session's cookie for its link, which counts once."""
        if not hmac.compare_digest(link.encode(), self.link.encode()):
            raise PageRefusal(404, "this is not the link of this page")
        if self.cookie:
            raise PageRefusal(410, "the link was opened before and counts once: end the page and ask for another")
        self.cookie = secrets.token_urlsafe(TOKEN_BYTES)
        return self.cookie

    def shown(self) -> str:
        """The number of a page that is about to be shown; the one before it is void."""
        self.page = secrets.token_urlsafe(TOKEN_BYTES)
        return self.page

    def check(self, page: Any) -> None:
        """Raise where a request is not from the page that was shown last, or that one was used."""
        told = page.encode(errors="replace") if isinstance(page, str) else b""  # JSON may hold half a surrogate pair
        if not self.page or not hmac.compare_digest(told, self.page.encode()):
            raise PageRefusal(409, "sent twice, or from a page that is not the newest: load the page again")

    def use(self, page: Any) -> None:
        """Check, and use the page up: whatever comes from it after this is refused."""
        self.check(page)
        self.page = ""

    def refuse(self, refusal: PageRefusal) -> JSONResponse:
        """The answer to what is refused, which is written down."""
        if self.recorded < MOST_RECORDED:
            self.recorded += 1
            self.record(f"approval page: {refusal}")
        return JSONResponse({"refused": str(refusal)}, refusal.status)


def create_app(session: PageSession) -> FastAPI:
    """An application with the guards, the link and the static files; a page adds its own routes."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)

    @app.middleware("http")
    async def guard(request: Request, answer: Callable[[Request], Awaitable[Response]]) -> Response:
        try:
            _check(request, session)
            response = await answer(request)
        except PageRefusal as refusal:
            response = session.refuse(refusal)
        response.headers.update(HEADERS)
        return response

    @app.exception_handler(PageRefusal)
    async def refused(_: Request, refusal: PageRefusal) -> Response:
        return session.refuse(refusal)

    @app.exception_handler(GaelpError)
    async def failed(_: Request, error: GaelpError) -> Response:
        return JSONResponse({"refused": str(error)}, 409)

    @app.get("/open/{link}")
    async def open_link(link: str) -> Response:
        # A redirect would belong to whoever showed the link, and browsers would leave the strict cookie out.
        response = HTMLResponse('<!doctype html><meta http-equiv="refresh" content="0;url=/"><title>Opening</title>')
        secure = session.origin.startswith("https://")
        response.set_cookie(COOKIE, session.open(link), httponly=True, samesite="strict", secure=secure)
        return response

    @app.get("/{name}")
    async def static(name: str) -> Response:
        if name not in STATIC:
            return Response(status_code=404)  # as of an icon that browsers ask for
        return Response(Path(__file__).with_name(name).read_bytes(), media_type=STATIC[name])

    return app


async def body_of(request: Request) -> dict[str, Any]:
    """The JSON object that a page has sent; raises PageRefusal."""
    if int(request.headers.get("content-length", LONGEST_BODY + 1)) > LONGEST_BODY:
        raise PageRefusal(413, f"more than {LONGEST_BODY} bytes were sent")
    try:
        body = await request.json()
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        raise PageRefusal(400, "what was sent is no JSON object")
    return body


def rendered(template: str, **values: Any) -> HTMLResponse:
    """A page of this folder, every value escaped."""
    pages = Environment(loader=PackageLoader(__package__, "."), autoescape=True, undefined=StrictUndefined)
    return HTMLResponse(pages.get_template(template).render(**values))


def _check(request: Request, session: PageSession) -> None:
    """The page's own address, this session's cookie, and for what changes something the page's own origin."""
    if request.headers.get("host", "") != urlsplit(session.origin).netloc:
        raise PageRefusal(421, "the request names another host than this page's")
    path = request.url.path
    if request.method == "POST":
        if request.headers.get("origin") != session.origin:
            raise PageRefusal(403, "the request comes from another origin")
        if request.headers.get("sec-fetch-site", "same-origin") != "same-origin":
            raise PageRefusal(403, "the request comes from another site")
        if request.headers.get("content-type", "").split(";")[0] != "application/json":
            raise PageRefusal(415, "the request is no JSON, as a form of another site would send it")
    needs_session = request.method == "POST" or path == "/"
    cookie = request.cookies.get(COOKIE, "")
    if needs_session and not (session.cookie and hmac.compare_digest(cookie.encode(), session.cookie.encode())):
        raise PageRefusal(401, "the page was not opened by its one-time link")
