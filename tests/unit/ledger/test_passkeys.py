"""Which passkeys the ledger takes, and from which pages."""

from __future__ import annotations

import pytest

from gaelp.ledger.ledger import Ledger
from gaelp.ledger.ledger_errors import LedgerConflict
from gaelp.ledger.passkeys import is_secure, registered
from gaelp.ledger.signatures import BadKey, key_id_of_approver
from tests.support import ledgers as kit
from tests.support.software_passkey import SoftwarePasskey, url

ORIGIN = "https://approve.example.com"
CHALLENGE = b"drawn for this registration"


@pytest.mark.parametrize(
    ("origin", "secure"),
    [
        (ORIGIN, True), (f"{ORIGIN}:8443", True), ("http://localhost:8234", True), ("http://localhost", True),
        ("http://approve.example.com", False), ("http://127.0.0.1:8234", False), (f"{ORIGIN}/", False),
        (f"{ORIGIN}/page", False), ("https://user@approve.example.com", False), ("https://", False), ("", False),
        ("https://approve.example.com:x", False), ("javascript:alert(1)", False), ("http://localhost.evil.com", False),
    ],
)  # fmt: skip
def test_a_passkey_signs_by_tls_or_on_its_own_machine(origin: str, secure: bool) -> None:
    """An origin and nothing beyond it: browsers give a page nothing else."""
    assert is_secure(origin) is secure


@pytest.mark.parametrize("edwards", [False, True])
def test_a_registration_answers_its_own_challenge_and_page(edwards: bool) -> None:
    """The right answer is taken; one to another challenge, of another page, or rubbish is refused in a sentence."""
    passkey = SoftwarePasskey(ORIGIN, edwards=edwards)
    answer = passkey.create({"challenge": url(CHALLENGE)})
    assert registered(answer, CHALLENGE, ORIGIN).credential == url(passkey.id)
    elsewhere = SoftwarePasskey("https://approve.example.org").create({"challenge": url(CHALLENGE)})
    for wrong in (passkey.create({"challenge": url(b"of another one")}), elsewhere, {}, {"id": 7}):
        with pytest.raises(BadKey, match="cannot be registered"):
            registered(wrong, CHALLENGE, ORIGIN)


def test_an_owner_enters_a_passkey_with_its_own_id_for_a_safe_page(tmp_path: object) -> None:
    """Its id follows from its key, and an address without TLS is refused."""
    ledger = Ledger.open(f"sqlite:///{tmp_path}/ledger.db")
    ledger.put_account(kit.account(), at=kit.NOW)
    made = registered(SoftwarePasskey(ORIGIN).create({"challenge": url(CHALLENGE)}), CHALLENGE, ORIGIN)
    approver = kit.approver(public_key=made.public_key, credential=made.credential, origin=ORIGIN)
    approver = approver.model_copy(update={"key_id": key_id_of_approver(approver)})
    ledger.put_approver(approver, at=kit.NOW)
    assert ledger.approvers("acme") == (approver,)
    with pytest.raises(LedgerConflict, match="does not belong to key id"):
        ledger.put_approver(approver.model_copy(update={"key_id": "0" * 16}), at=kit.NOW)
    with pytest.raises(LedgerConflict, match="use https://HOST, or http://localhost"):
        ledger.put_approver(approver.model_copy(update={"origin": "http://approve.example.com"}), at=kit.NOW)
