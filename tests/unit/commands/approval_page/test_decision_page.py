"""The approval page under attack: whatever does not come from the page that was shown is refused and recorded.

Nothing here reaches a phase. That a decision does is in tests/workflows/test_approval_page.py.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from gaelp.commands.approval_page.decision_page import DecisionPage
from gaelp.commands.approval_page.guarded_app import HEADERS, MOST_RECORDED
from gaelp.domain.ad_accounts import Approver
from gaelp.domain.spending.approval_card import card_digest
from gaelp.ledger import signatures
from gaelp.ledger.ledger import Ledger
from gaelp.ledger.passkeys import registered
from gaelp.ledger.signatures import key_id_of_approver
from gaelp.settings import Settings
from tests.support import ledgers as kit
from tests.support.software_passkey import SoftwarePasskey

ORIGIN = "http://localhost:8234"
FROM_PAGE = {"origin": ORIGIN}
TEXT = "- **Spend:** at most **300.00 USD**, bound to `digest`.\n- **Bound:** all of it."


class Opened:
    """A page with its ledger, a passkey that may approve, and a browser that has opened its link."""

    def __init__(self, folder: Path, *, edwards: bool = False) -> None:
        self.ledger = Ledger.open(f"sqlite:///{folder}/ledger.db")
        self.ledger.put_account(kit.account(), at=kit.NOW)
        self.ledger.register_run("run-a", "acme", kit.NOW)
        self.ledger.keep_campaigns(kit.CAMPAIGNS)
        self.passkey = SoftwarePasskey(ORIGIN, edwards=edwards)
        self.ledger.put_approver(approver_with(self.passkey), at=kit.NOW)
        request = kit.request(card_digest=card_digest(TEXT), expires_at=kit.NOW.replace(year=2100))
        self.card = self.ledger.open_request(request, TEXT, kit.NOW)
        settings = Settings(home=folder, temporal_address="127.0.0.1:1")
        self.page = DecisionPage(settings, self.ledger, self.card, ORIGIN, None, patience=5)
        self.browser = TestClient(self.page.app(), base_url=ORIGIN)
        self.browser.get(f"/open/{self.page.session.link}")
        self.shown = self.browser.get("/")

    def told(self, **changes: Any) -> dict[str, Any]:
        """What the page's script sends."""
        page, digest = self.page.session.page, self.card.request_digest
        return {"page": page, "digest": digest, "decision": "approve", **changes}

    def signed(self, **answer: Any) -> dict[str, Any]:
        """The same with the passkey's signature."""
        options = self.browser.post("/challenge", json=self.told(), headers=FROM_PAGE).json()
        return self.told(credential=self.passkey.get(options, **answer))

    def refusals(self) -> list[str]:
        """Those that the journal has."""
        return [json.loads(entry.detail)["reason"] for entry in self.ledger.journal(kinds=["refuse"])]


def approver_with(passkey: SoftwarePasskey, **changes: Any) -> Approver:
    """An approver whose passkey was registered by the page's own code."""
    challenge = "Y2hhbGxlbmdl"
    made = registered(passkey.create({"challenge": challenge}), b"challenge", passkey.origin)
    values = {"key_id": "", "public_key": made.public_key, "credential": made.credential, "origin": passkey.origin}
    approver = kit.approver(**{**values, **changes})
    return approver.model_copy(update={"key_id": key_id_of_approver(approver)})


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Opened]:
    made = Opened(tmp_path)
    yield made
    made.ledger.close()


def test_the_page_shows_the_card_apart_from_what_people_wrote_and_is_never_kept(opened: Opened) -> None:
    """Strict headers on every answer; the card's facts, each campaign, and who may sign."""
    assert opened.shown.status_code == 200
    for name, value in HEADERS.items():
        assert opened.shown.headers[name] == value == opened.browser.get("/nothing").headers[name]
    html = opened.shown.text
    computed, written = html.index("Computed by GAELP"), html.index("Written by people")
    assert computed < html.index("<strong>300.00 USD</strong>") < written < html.index("<q>linear-thompson</q>")
    assert "run-a/live-test/campaign-99" in html and "Passkeys of Ada" in html
    assert "<script>" not in html and "style=" not in html
    assert opened.browser.get("/page.js").headers["content-type"].startswith("text/javascript")


def test_a_key_file_that_cannot_be_read_is_a_sentence_on_the_page(opened: Opened) -> None:
    """Whatever error of ours ends a request, the page's script is given its sentence and no failure of the server."""
    opened.page.key = Path("nowhere.pem")
    answer = opened.browser.post("/decide", json=opened.told(), headers=FROM_PAGE)
    assert answer.status_code == 409 and "nowhere.pem cannot be read" in answer.json()["refused"]


def test_a_link_opens_once(opened: Opened) -> None:
    """Whoever finds it in a history gets nothing, and the owner reads of it."""
    thief = TestClient(opened.page.app(), base_url=ORIGIN)
    assert thief.get(f"/open/{opened.page.session.link}").status_code == 410
    assert thief.get("/open/guessed").status_code == 404
    assert thief.get("/").status_code == 401
    assert thief.post("/decide", json=opened.told(), headers=FROM_PAGE).status_code == 401
    assert len(opened.refusals()) == 4 and "counts once" in opened.refusals()[0]


@pytest.mark.parametrize(
    ("headers", "status", "reason"),
    [
        ({"origin": "https://evil.example"}, 403, "another origin"),
        ({"origin": "null"}, 403, "another origin"),
        ({}, 403, "another origin"),
        ({"origin": "http://localhost:8235"}, 403, "another origin"),
        ({**FROM_PAGE, "sec-fetch-site": "cross-site"}, 403, "another site"),
        ({**FROM_PAGE, "sec-fetch-site": "same-site"}, 403, "another site"),
        ({**FROM_PAGE, "content-type": "text/plain"}, 415, "a form of another site"),
        ({**FROM_PAGE, "content-type": "application/x-www-form-urlencoded"}, 415, "a form of another site"),
        ({**FROM_PAGE, "host": "evil.example"}, 421, "another host"),
        ({**FROM_PAGE, "host": "127.0.0.1:8234"}, 421, "another host"),
    ],
)
def test_what_comes_from_elsewhere_is_refused_and_recorded(
    opened: Opened, headers: dict[str, str], status: int, reason: str
) -> None:
    """Another origin, site or host, or a form: though the browser sends the session's cookie with it."""
    content = json.dumps(opened.signed()).encode()
    sent = {"content-type": "application/json", **headers}
    answer = opened.browser.post("/decide", content=content, headers=sent)
    assert answer.status_code == status and reason in answer.json()["refused"]
    (said,) = opened.refusals()
    assert reason in said and said.startswith("approval page: ")
    assert opened.page.state() == "open"


def test_a_double_click_is_one_decision(opened: Opened) -> None:
    """The first one is sent (here no Temporal answers), the second one is refused before it is looked at."""
    body = opened.signed()
    first = opened.browser.post("/decide", json=body, headers=FROM_PAGE)
    assert "Temporal does not answer" in first.json()["refused"]
    second = opened.browser.post("/decide", json=body, headers=FROM_PAGE)
    assert second.status_code == 409 and "sent twice" in second.json()["refused"]
    assert opened.refusals() == [f"approval page: {second.json()['refused']}"]


def test_an_older_page_decides_nothing(opened: Opened) -> None:
    """Loading the page again voids what was shown before, its signature with it."""
    body = opened.signed()
    opened.browser.get("/")
    answer = opened.browser.post("/decide", json=body, headers=FROM_PAGE)
    assert answer.status_code == 409 and "not the newest" in answer.json()["refused"]
    half = json.dumps(opened.told(page="\ud800")).encode()
    answer = opened.browser.post("/decide", content=half, headers={**FROM_PAGE, "content-type": "application/json"})
    assert answer.status_code == 409, "half of a surrogate pair is no page's number"


def test_a_changed_card_is_refused(opened: Opened) -> None:
    """Another digest, a request that was asked anew, or a stop since the card was shown."""
    other = opened.browser.post("/decide", json=opened.told(digest="0" * 64), headers=FROM_PAGE)
    assert other.status_code == 409 and "not the card that was shown" in other.json()["refused"]
    opened.browser.get("/")
    body = opened.signed()
    opened.ledger.raise_fence("acme", "prices look wrong", "Eve", kit.NOW)
    answer = opened.browser.post("/decide", json=body, headers=FROM_PAGE)
    assert answer.status_code == 409 and "is void, and not open any more" in answer.json()["refused"]
    assert len(opened.refusals()) == 2


def test_only_a_registered_passkey_is_taken(opened: Opened) -> None:
    """A stranger's passkey, one that is registered for another page, and a key file that nobody named."""
    stranger = SoftwarePasskey(ORIGIN)
    elsewhere = SoftwarePasskey("https://approve.example.com")
    opened.ledger.put_approver(approver_with(elsewhere), at=kit.NOW)
    for passkey in (stranger, elsewhere):
        opened.browser.get("/")
        options = opened.browser.post("/challenge", json=opened.told(), headers=FROM_PAGE).json()
        body = opened.told(credential=passkey.get(options))
        answer = opened.browser.post("/decide", json=body, headers=FROM_PAGE)
        assert answer.status_code == 403 and "may not approve" in answer.json()["refused"]
    opened.browser.get("/")
    unsigned = opened.browser.post("/decide", json=opened.told(), headers=FROM_PAGE)
    assert unsigned.status_code == 403 and "no key file was named" in unsigned.json()["refused"]


@pytest.mark.parametrize("body", [b"[]", b"{", b"[" * 9000, b'{"page": 7}', b"x" * 20_001])
def test_rubbish_is_refused(opened: Opened, body: bytes) -> None:
    """Whatever is sent gets an answer with a reason, and no error of ours."""
    answer = opened.browser.post("/decide", content=body, headers={**FROM_PAGE, "content-type": "application/json"})
    assert answer.status_code in (400, 409, 413) and answer.json()["refused"]


def test_a_stranger_cannot_fill_the_journal(opened: Opened) -> None:
    """A page records so many refusals and no more; it refuses all the same."""
    for _ in range(MOST_RECORDED + 5):
        assert opened.browser.post("/decide", json={}, headers={"origin": "https://evil.example"}).status_code == 403
    assert len(opened.refusals()) == MOST_RECORDED


@pytest.mark.parametrize("edwards", [False, True])
def test_the_ledger_takes_a_passkeys_signature_once(tmp_path: Path, edwards: bool) -> None:
    """ES256 and Ed25519; the same again is decided already, and the journal has what a later check needs."""
    opened = Opened(tmp_path, edwards=edwards)
    signed = opened.page._signed(opened.signed())
    outcome = opened.ledger.decide("run-a/live-test#1", "sent", signed.model_dump(), kit.NOW, "approve")
    assert (outcome.accepted, outcome.approver) == (True, "Ada"), outcome.reason
    again = opened.ledger.decide("run-a/live-test#1", "replayed", signed.model_dump(), kit.NOW, "approve")
    assert "already decided" in again.reason
    (entry,) = opened.ledger.journal(kinds=["approve"])
    detail = json.loads(entry.detail)
    assert signed.passkey is not None and detail["passkey"] == signed.passkey.model_dump()
    assert detail["looked_seconds"] >= 0


def test_the_ledger_refuses_a_passkey_that_signed_something_else(opened: Opened) -> None:
    """Another decision, another origin, nobody verified, another key, or no assertion at all: a bad signature."""
    good = opened.page._signed(opened.signed())
    other = SoftwarePasskey(ORIGIN)
    other.id = opened.passkey.id
    options = opened.browser.post("/challenge", json=opened.told(), headers=FROM_PAGE).json()
    bad = [
        good.model_copy(update={"decision": "reject"}),
        good.model_copy(update={"passkey": None}),
        good.model_copy(update={"signature": "AAAA"}),
        *(
            opened.page._signed(opened.told(credential=credential))
            for credential in (
                opened.passkey.get(options, origin="http://localhost:9999"),
                opened.passkey.get(options, verified=False),
                other.get(options),
            )
        ),
    ]
    for number, signed in enumerate(bad):
        outcome = opened.ledger.decide("run-a/live-test#1", f"{number}", signed.model_dump(), kit.NOW)
        assert not outcome.accepted and "bad signature" in outcome.reason, (number, outcome)
    assert opened.ledger.decide("run-a/live-test#1", "good", good.model_dump(), kit.NOW).accepted


def test_a_key_file_has_no_passkeys_signature(opened: Opened) -> None:
    """What a key file signs counts for its own key only, though it says that it is the passkey's."""
    (approver,) = opened.ledger.approvers("acme")
    forged = signatures.sign(kit.KEY.pem, opened.card.request, "approve").model_copy(update={"key_id": approver.key_id})
    outcome = opened.ledger.decide("run-a/live-test#1", "forged", forged.model_dump(), kit.NOW)
    assert not outcome.accepted and "bad signature" in outcome.reason
