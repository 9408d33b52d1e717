"""`approve RUN --page`: the card in a browser, signed with a passkey or with the key file that was named.

The same request, rule, ledger and signal as in the terminal (gaelp/commands/people/decide.py). Touch this to change
what the page shows or how it signs.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from pydantic import ValidationError
from webauthn import generate_authentication_options, options_to_json
from webauthn.helpers import base64url_to_bytes
from webauthn.helpers.structs import PublicKeyCredentialDescriptor, UserVerificationRequirement

from gaelp.commands import connections
from gaelp.commands.approval_page.guarded_app import PageRefusal, PageSession, body_of, create_app, rendered
from gaelp.commands.approval_page.page_server import origin_of, serve
from gaelp.commands.console import DONE, Out, Refused, WrongUse
from gaelp.commands.people import decide as terminal
from gaelp.domain.ad_accounts import Approver
from gaelp.domain.ids import phase_id
from gaelp.domain.spending.approval_card import ApprovalCard, card_lines
from gaelp.domain.spending.approval_requests import ApprovalDecision, PasskeyAssertion, SignedDecision, signing_text
from gaelp.domain.spending.approved_campaigns import campaign_table
from gaelp.errors import GaelpError
from gaelp.ledger.ledger import Ledger
from gaelp.ledger.passkeys import LOOPBACK, relying_party
from gaelp.settings import Settings

LONGEST_REASON = 500  # characters


def approve_on_page(arguments: argparse.Namespace, out: Out) -> int:
    """Serve the page of the open request until it is decided or no longer open."""
    if arguments.print or arguments.yes:
        raise WrongUse("--page asks a person in a browser: leave --print and --yes out")
    settings = connections.read_settings()
    ledger = connections.open_ledger(settings)
    card = terminal.open_card(ledger, connections.run_name(arguments.run), arguments.request)
    origin = origin_of(arguments)
    key = Path(arguments.key) if arguments.key else None
    if key is not None and relying_party(origin) != LOOPBACK:
        raise WrongUse("whoever has the link could sign with --key: on another machine's page only passkeys sign")
    page = DecisionPage(settings, ledger, card, origin, key, arguments.timeout)
    out.card(card.shown)
    link = f"open once: {page.session.address}\nCtrl-C ends the page and decides nothing; silence is a refusal"
    asyncio.run(serve(page.app(), arguments, page.is_over, lambda: out.note(link)))
    if page.outcome is None:
        raise Refused(f"no decision was confirmed on the page of {card.request.request_id}; it is {page.state()}")
    decision, state = page.outcome
    out.result(
        {"run": card.request.run, "request": card.request.request_id, "decision": decision, "accepted": True,
         "state": state},
        f"accepted: request {card.request.request_id} is {state}",
    )  # fmt: skip
    return DONE


@dataclass
class DecisionPage:
    """One request on one page."""

    settings: Settings
    ledger: Ledger
    card: ApprovalCard
    origin: str
    key: Path | None
    patience: float  # seconds within which the ledger must have judged what was sent
    sending: bool = False  # a decision is with the ledger
    outcome: tuple[str, str] | None = None  # the decision, and the request's state after it
    shown_at: float | None = None
    session: PageSession = field(init=False)

    def __post_init__(self) -> None:
        self.session = PageSession(self.origin, self._record)

    def _record(self, reason: str) -> None:
        request = self.card.request
        self.ledger.note_refused_page(request.account, request.request_id, reason, connections.now())

    def state(self) -> str:
        """The request's state in the ledger."""
        return self.ledger.request_state(self.card.request.request_id)

    async def is_over(self) -> bool:
        """Whether there is nothing left to decide here."""
        return not self.sending and (self.outcome is not None or await asyncio.to_thread(self.state) != "open")

    def app(self) -> FastAPI:
        """The page's routes."""
        app = create_app(self.session)

        @app.get("/")
        def show() -> Response:
            return self._show()

        @app.post("/challenge")
        async def challenge(request: Request) -> Response:
            return await asyncio.to_thread(self._challenge, await body_of(request))

        @app.post("/decide")
        async def decide(request: Request) -> Response:
            return await self._decide(await body_of(request))

        return app

    def _show(self) -> Response:
        self.shown_at = self.shown_at or time.monotonic()
        request = self.card.request
        campaigns = self.ledger.approved_campaigns(request.campaigns_digest)
        return rendered(
            "decide.html",
            page=self.session.shown(),
            request=request,
            digest=self.card.request_digest,
            lines=card_lines(self.card.shown),
            table=campaign_table(campaigns, request.currency),
            products=sorted({campaign.product for campaign in campaigns}),
            passkeys=[approver.name for approver in self._passkeys()],
            key_file=self.key is not None,
            origin=self.origin,
        )

    def _passkeys(self) -> list[Approver]:
        approvers = self.ledger.approvers(self.card.request.account)
        return [each for each in approvers if each.credential and each.origin == self.origin]

    def _challenge(self, body: dict[str, Any]) -> Response:
        """What a passkey is asked to sign: the text that a key file would sign."""
        self.session.check(body.get("page"))
        self._check_card(body)
        credentials = [base64url_to_bytes(approver.credential) for approver in self._passkeys()]
        options = generate_authentication_options(
            rp_id=relying_party(self.origin),
            challenge=signing_text(_decision(body), self.card.request_digest),
            allow_credentials=[PublicKeyCredentialDescriptor(credential) for credential in credentials],
            user_verification=UserVerificationRequirement.REQUIRED,
        )
        return JSONResponse(json.loads(options_to_json(options)))

    def _check_card(self, body: dict[str, Any]) -> None:
        """The request that is decided is the one that was shown, and is open still."""
        request = self.card.request.request_id
        if body.get("digest") != self.card.request_digest:
            raise PageRefusal(409, f"what was signed is not the card that was shown of {request}")
        if self.ledger.request(request) != self.card:
            raise PageRefusal(409, f"the card of {request} was changed after it was shown")
        if (state := self.state()) != "open":
            raise PageRefusal(409, f"request {request} is {state}, and not open any more")

    async def _decide(self, body: dict[str, Any]) -> Response:
        """Sign or take the passkey's signature, signal it to the phase, and wait for what the ledger says."""
        self.session.use(body.get("page"))  # before anything is awaited: a double click comes second
        await asyncio.to_thread(self._check_card, body)
        signed = await asyncio.to_thread(self._signed, body)
        mark = await asyncio.to_thread(terminal.last_sequence, self.ledger)
        workflow = phase_id(self.card.request.run, self.card.request.phase)
        self.sending = True
        try:
            await terminal.send(self.settings, workflow, signed.decision, signed)
            state = await asyncio.to_thread(terminal.await_outcome, self.ledger, signed, mark, self.patience)
        except GaelpError as error:  # the ledger has recorded its own refusal
            return JSONResponse({"refused": str(error)}, 409)
        finally:
            self.sending = False
        self.outcome = (signed.decision, state)
        return JSONResponse({"state": state})

    def _signed(self, body: dict[str, Any]) -> SignedDecision:
        decision, reason, looked = _decision(body), str(body.get("reason", ""))[:LONGEST_REASON], self._looked()
        credential = body.get("credential")
        if credential is None:
            if self.key is None:
                raise PageRefusal(403, "no key file was named when the page was made: sign with a passkey")
            signed = terminal.signed_with(self.key, self.card, decision, reason)
            return signed.model_copy(update={"looked_seconds": looked})
        approver = self._approver_of(credential)
        try:
            response = credential["response"]
            assertion = PasskeyAssertion(
                authenticator_data=response["authenticatorData"], client_data=response["clientDataJSON"]
            )
            signature = response["signature"].replace("-", "+").replace("_", "/")
        except (KeyError, TypeError, AttributeError, ValidationError) as error:
            raise PageRefusal(400, "what the passkey gave cannot be read") from error
        return SignedDecision(
            request_id=self.card.request.request_id,
            decision=decision,
            request_digest=self.card.request_digest,
            key_id=approver.key_id,
            signature=signature + "=" * (-len(signature) % 4),
            reason=reason,
            looked_seconds=looked,
            passkey=assertion,
        )

    def _approver_of(self, credential: Any) -> Approver:
        named = credential.get("id") if isinstance(credential, dict) else None
        for approver in self._passkeys():
            if approver.credential == named:
                return approver
        raise PageRefusal(403, f"this passkey may not approve on account {self.card.request.account} from this page")

    def _looked(self) -> float:
        return round(time.monotonic() - (self.shown_at or time.monotonic()), 1)


def _decision(body: dict[str, Any]) -> ApprovalDecision:
    try:
        return ApprovalDecision(body.get("decision", ""))
    except ValueError as error:
        raise PageRefusal(400, f"a decision is {' or '.join(ApprovalDecision)}") from error
