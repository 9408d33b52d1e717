"""Passkeys of approvers (W3C Web Authentication, level 3), checked by the library webauthn: ES256 and Ed25519.

What a passkey signs is a challenge of ours, and the challenge is the very text that a key file would sign. The library
is imported when a passkey is registered or checked, because nothing else needs it. Touch this to ask more of a passkey.
"""

from __future__ import annotations

import base64
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from gaelp.domain.ad_accounts import Approver
from gaelp.domain.spending import approval_requests
from gaelp.domain.spending.approval_requests import SignedDecision
from gaelp.ledger.signatures import BadKey

LOOPBACK = "localhost"  # the only name of this machine that browsers take for a passkey


class Passkey(NamedTuple):
    """A passkey as its registration gave it: credential id in base64url, COSE public key in base64."""

    credential: str
    public_key: str


def relying_party(origin: str) -> str:
    """The host of a page's address, which a passkey is bound to."""
    return urlsplit(origin).hostname or ""


def is_secure(origin: str) -> bool:
    """Whether a browser lets a passkey sign on a page of that address: an origin, by TLS or on this machine."""
    try:
        url = urlsplit(origin)
        host, _ = url.hostname, url.port
    except ValueError:
        return False
    plain = f"{url.scheme}://{url.netloc}" == origin and "@" not in url.netloc
    return plain and bool(host) and (url.scheme == "https" or (url.scheme == "http" and host == LOOPBACK))


def registered(credential: dict[str, Any], challenge: bytes, origin: str) -> Passkey:
    """The passkey in a browser's answer to a registration; raises BadKey where the answer is none to that challenge."""
    from webauthn import verify_registration_response
    from webauthn.helpers.cose import COSEAlgorithmIdentifier

    try:
        made = verify_registration_response(
            credential=credential,
            expected_challenge=challenge,
            expected_rp_id=relying_party(origin),
            expected_origin=origin,
            require_user_verification=True,
            supported_pub_key_algs=[COSEAlgorithmIdentifier.EDDSA, COSEAlgorithmIdentifier.ECDSA_SHA_256],
        )
    except Exception as error:  # whatever a stranger's bytes do to the library
        raise BadKey(f"the passkey cannot be registered ({error}): try again, or use a key file") from error
    return Passkey(_base64url(made.credential_id), base64.b64encode(made.credential_public_key).decode())


def verify(approver: Approver, signed: SignedDecision) -> bool:
    """Whether the holder of the approver's passkey, verified by it, signed this decision on the approver's page."""
    from webauthn import verify_authentication_response

    if signed.passkey is None:
        return False
    try:
        verify_authentication_response(
            credential={
                "id": approver.credential,
                "rawId": approver.credential,
                "type": "public-key",
                "response": {
                    "authenticatorData": signed.passkey.authenticator_data,
                    "clientDataJSON": signed.passkey.client_data,
                    "signature": _base64url(base64.b64decode(signed.signature, validate=True)),
                },
            },
            expected_challenge=approval_requests.signing_text(signed.decision, signed.request_digest),
            expected_rp_id=relying_party(approver.origin),
            expected_origin=approver.origin,
            credential_public_key=base64.b64decode(approver.public_key),
            credential_current_sign_count=0,  # passkeys that are kept on several devices count nothing
            require_user_verification=True,
        )
    except Exception:  # whatever a stranger's bytes do to the library is no signature
        return False
    return True


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
