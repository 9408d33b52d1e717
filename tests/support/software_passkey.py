"""A passkey in software, as a browser and its authenticator would answer a page (W3C Web Authentication, level 3).

Touch this to let it answer otherwise.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
from typing import Any
from urllib.parse import urlsplit

import cbor2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

PRESENT, VERIFIED, ATTESTED = 0x01, 0x04, 0x40


class SoftwarePasskey:
    """One credential for pages of one origin, by ES256 or Ed25519."""

    def __init__(self, origin: str, *, edwards: bool = False) -> None:
        self.origin = origin
        self.id = os.urandom(16)
        self._edwards = Ed25519PrivateKey.generate() if edwards else None
        self._curve = ec.generate_private_key(ec.SECP256R1())

    def create(self, options: dict[str, Any]) -> dict[str, Any]:
        """The answer to a registration, without an attestation."""
        attested = bytes(16) + len(self.id).to_bytes(2, "big") + self.id + cbor2.dumps(self._cose())
        data = self._authenticator_data(PRESENT | VERIFIED | ATTESTED) + attested
        attestation = cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data})
        client_data = self._client_data("webauthn.create", options["challenge"], self.origin)
        return self._credential({"clientDataJSON": url(client_data), "attestationObject": url(attestation)})

    def get(self, options: dict[str, Any], *, origin: str = "", verified: bool = True) -> dict[str, Any]:
        """The answer to a request to sign; from another origin, or of a person who was not verified, where asked."""
        data = self._authenticator_data(PRESENT | (VERIFIED if verified else 0))
        client_data = self._client_data("webauthn.get", options["challenge"], origin or self.origin)
        signed = data + hashlib.sha256(client_data).digest()
        if self._edwards is not None:
            signature = self._edwards.sign(signed)
        else:
            signature = self._curve.sign(signed, ec.ECDSA(hashes.SHA256()))
        parts = {"authenticatorData": data, "clientDataJSON": client_data, "signature": signature}
        return self._credential({name: url(part) for name, part in parts.items()})

    def _credential(self, response: dict[str, str]) -> dict[str, Any]:
        return {"id": url(self.id), "rawId": url(self.id), "type": "public-key", "response": response}

    def _authenticator_data(self, flags: int) -> bytes:
        host = urlsplit(self.origin).hostname or ""
        return hashlib.sha256(host.encode()).digest() + bytes([flags]) + (0).to_bytes(4, "big")

    def _client_data(self, kind: str, challenge: str, origin: str) -> bytes:
        told = {"type": kind, "challenge": challenge, "origin": origin, "crossOrigin": False}
        return json.dumps(told).encode()

    def _cose(self) -> dict[int, Any]:
        if self._edwards is not None:
            return {1: 1, 3: -8, -1: 6, -2: self._edwards.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)}
        point = self._curve.public_key().public_numbers()
        return {1: 2, 3: -7, -1: 1, -2: point.x.to_bytes(32, "big"), -3: point.y.to_bytes(32, "big")}


def url(data: bytes) -> str:
    """Base64url without padding."""
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
