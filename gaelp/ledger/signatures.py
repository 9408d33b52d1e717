"""Ed25519 keys and signatures of approvers; passkeys are in passkeys.py.

A key file is PEM (PKCS8, not encrypted) that only its owner may read. Touch this to change how a decision is signed.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
from pathlib import Path
from typing import NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from gaelp.domain.ad_accounts import Approver
from gaelp.domain.spending import approval_requests
from gaelp.domain.spending.approval_requests import ApprovalRequest, SignedDecision
from gaelp.domain.spending.signed_starts import SignedStart, start_text
from gaelp.errors import GaelpError

LARGEST_KEY = 10_000  # bytes; a PEM of an Ed25519 key has 119


class BadKey(GaelpError, ValueError):
    """A key that cannot be used; the message gives the reason and the remedy."""


class NewKey(NamedTuple):
    """A fresh key: PEM of the private half, base64 of the 32 raw public bytes, and its id."""

    pem: bytes
    public_key: str
    key_id: str


def new_key() -> NewKey:
    """Make a key from the operating system's randomness."""
    private = Ed25519PrivateKey.generate()
    pem = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = _public(private)
    return NewKey(pem, public, key_id_of(public))


def key_id_of(public_key: str) -> str:
    """First 16 hex digits of SHA-256 of the raw public key; raises BadKey where it is not one."""
    return hashlib.sha256(_raw(public_key)).hexdigest()[:16]


def key_id_of_approver(approver: Approver) -> str:
    """The id that an approver's key must have; raises BadKey where a key file's public half is none."""
    if not approver.credential:
        return key_id_of(approver.public_key)
    return hashlib.sha256(base64.b64decode(approver.public_key)).hexdigest()[:16]


def public_of(private_key_pem: bytes | str) -> tuple[str, str]:
    """(public key in base64, key id) of a private key; raises BadKey."""
    public = _public(_private(private_key_pem))
    return public, key_id_of(public)


def sign(private_key_pem: bytes | str, request: ApprovalRequest, decision: str, reason: str = "") -> SignedDecision:
    """Sign `decision` ("approve" or "reject") on exactly this request; raises BadKey."""
    private = _private(private_key_pem)
    digest = approval_requests.request_digest(request)
    signature = private.sign(approval_requests.signing_text(decision, digest))
    return SignedDecision(
        request_id=request.request_id,
        decision=decision,
        request_digest=digest,
        key_id=key_id_of(_public(private)),
        signature=base64.b64encode(signature).decode(),
        reason=reason,
    )


def sign_start(private_key_pem: bytes | str, digest: str) -> SignedStart:
    """Sign the start of the run whose start_digest this is; raises BadKey."""
    private = _private(private_key_pem)
    signature = base64.b64encode(private.sign(start_text(digest))).decode()
    return SignedStart(key_id=key_id_of(_public(private)), signature=signature)


def verify_start(public_key: str, signed: SignedStart, digest: str) -> bool:
    """Whether the holder of `public_key` (base64) signed that start."""
    return _is_signed(public_key, signed.signature, start_text(digest))


def verify(public_key: str, signed: SignedDecision) -> bool:
    """Whether the holder of `public_key` (base64) signed this decision on this digest."""
    try:
        text = approval_requests.signing_text(signed.decision, signed.request_digest)
    except ValueError:
        return False
    return _is_signed(public_key, signed.signature, text)


def _is_signed(public_key: str, signature: str, text: bytes) -> bool:
    try:
        key = Ed25519PublicKey.from_public_bytes(_raw(public_key))
        key.verify(base64.b64decode(signature, validate=True), text)
    except (InvalidSignature, ValueError):
        return False
    return True


def write_key(path: Path, private_key_pem: bytes) -> None:
    """Write a key file of mode 0600; raises BadKey where a file is there already."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise BadKey(f"{path} is there already and is not overwritten: name another file") from None
    with os.fdopen(handle, "wb") as file:
        file.write(private_key_pem)


def read_key(path: Path) -> bytes:
    """Read a key file; raises BadKey where it is absent, readable by others, or no key."""
    try:
        mode = path.stat().st_mode
        with path.open("rb") as file:
            pem = file.read(LARGEST_KEY + 1)
    except OSError as error:
        raise BadKey(f"the key file {path} cannot be read ({error.strerror}): name one with --key") from error
    if mode & 0o077:
        raise BadKey(f"the key file {path} may be read by others: chmod 600 {path}")
    if len(pem) > LARGEST_KEY:
        raise BadKey(f"the file {path} is larger than {LARGEST_KEY:,} bytes, which no key is: name the key file")
    _private(pem)
    return pem


def _private(pem: bytes | str) -> Ed25519PrivateKey:
    data = pem.encode() if isinstance(pem, str) else pem
    try:
        key = serialization.load_pem_private_key(data, password=None)
    except (ValueError, TypeError) as error:
        raise BadKey("the private key is not an unencrypted PEM key: make one with `starter.py keys`") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise BadKey("the private key is not an Ed25519 key: make one with `starter.py keys`")
    return key


def _public(private: Ed25519PrivateKey) -> str:
    raw = private.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    return base64.b64encode(raw).decode()


def _raw(public_key: str) -> bytes:
    try:
        raw = base64.b64decode(public_key, validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    if len(raw) != 32:
        raise BadKey("a public key is the base64 of 32 bytes: enter it as `starter.py keys` printed it")
    return raw
