"""`keys add --passkey`: an approver's browser makes a passkey, and the owner's command enters it in the ledger.

Touch this to ask for other passkeys.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from webauthn import generate_registration_options, options_to_json
from webauthn.helpers.cose import COSEAlgorithmIdentifier
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialCreationOptions,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from gaelp.commands.approval_page.guarded_app import PageRefusal, PageSession, body_of, create_app, rendered
from gaelp.commands.approval_page.page_server import origin_of, serve
from gaelp.commands.console import Out, Refused
from gaelp.ledger.passkeys import Passkey, registered, relying_party
from gaelp.ledger.signatures import BadKey

CHALLENGE_BYTES = 32


def register_on_page(arguments: argparse.Namespace, record: Callable[[str], None], out: Out) -> tuple[Passkey, str]:
    """The passkey that a browser has made for the named person, and the address it signs on."""
    origin = origin_of(arguments)
    page = RegistrationPage(arguments.name, arguments.account, PageSession(origin, record))
    link = f"{arguments.name} opens this once, on the device that shall sign: {page.session.address}"
    asyncio.run(serve(page.app(), arguments, page.is_over, lambda: out.note(link)))
    if page.passkey is None:
        raise Refused("no passkey was registered")
    return page.passkey, origin


@dataclass
class RegistrationPage:
    """One person's registration."""

    name: str
    account: str
    session: PageSession
    passkey: Passkey | None = None
    challenge: bytes = field(default_factory=lambda: secrets.token_bytes(CHALLENGE_BYTES))

    async def is_over(self) -> bool:
        """Whether a passkey was registered."""
        return self.passkey is not None

    def app(self) -> FastAPI:
        """The page's routes."""
        app = create_app(self.session)

        @app.get("/")
        def show() -> Response:
            return rendered("register.html", page=self.session.shown(), name=self.name, account=self.account)

        @app.post("/challenge")
        async def challenge(request: Request) -> Response:
            self.session.check((await body_of(request)).get("page"))
            return JSONResponse(json.loads(options_to_json(self._options())))

        @app.post("/register")
        async def register(request: Request) -> Response:
            body = await body_of(request)
            self.session.use(body.get("page"))
            try:
                self.passkey = registered(body.get("credential") or {}, self.challenge, self.session.origin)
            except BadKey as error:
                raise PageRefusal(400, str(error)) from error
            return JSONResponse({"state": "registered"})

        return app

    def _options(self) -> PublicKeyCredentialCreationOptions:
        return generate_registration_options(
            rp_id=relying_party(self.session.origin),
            rp_name="GAELP approvals",
            user_name=f"{self.name} on {self.account}",
            challenge=self.challenge,
            authenticator_selection=AuthenticatorSelectionCriteria(
                resident_key=ResidentKeyRequirement.PREFERRED, user_verification=UserVerificationRequirement.REQUIRED
            ),
            supported_pub_key_algs=[COSEAlgorithmIdentifier.EDDSA, COSEAlgorithmIdentifier.ECDSA_SHA_256],
        )
