"""The connection to Temporal over TLS: a real server behind a proxy that wants a certificate and notes the API key."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import grpc
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from pydantic import SecretStr, ValidationError

from gaelp import temporal_connection
from gaelp.commands import connections
from gaelp.commands.console import Refused
from gaelp.local_stack import LocalStack
from gaelp.settings import Settings
from gaelp.temporal_connection import UnreadableCertificate, encryption

SERVER = "temporal.example"
PATIENCE = timedelta(seconds=10)


class Authority:
    """Signs certificates, and writes them with their keys as PEM files."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "authority")])
        self.file = folder / "authority.pem"
        self.file.write_bytes(_pem(self._signed("authority", self._key.public_key(), ca=True)))

    def issue(self, name: str) -> tuple[Path, Path]:
        """A certificate of that name and its private key."""
        key = ec.generate_private_key(ec.SECP256R1())
        files = self._folder / f"{name}.pem", self._folder / f"{name}-key.pem"
        files[0].write_bytes(_pem(self._signed(name, key.public_key(), ca=False)))
        form = serialization.PrivateFormat.PKCS8
        files[1].write_bytes(key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()))
        return files

    def _signed(self, name: str, public: ec.EllipticCurvePublicKey, *, ca: bool) -> x509.Certificate:
        now = datetime.now(UTC)
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        builder = x509.CertificateBuilder().subject_name(subject).issuer_name(self._name).public_key(public)
        builder = builder.serial_number(x509.random_serial_number()).not_valid_before(now - timedelta(days=1))
        builder = builder.not_valid_after(now + timedelta(days=1))
        builder = builder.add_extension(x509.BasicConstraints(ca, None), critical=True)
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        return builder.sign(self._key, hashes.SHA256())


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


class Forwarding(grpc.GenericRpcHandler):
    """Passes every call on to the server behind, as bytes, and keeps what it was authorised with."""

    def __init__(self, behind: str) -> None:
        self._channel = grpc.insecure_channel(behind)
        self.authorised: list[str] = []

    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler:
        metadata = dict(details.invocation_metadata)
        self.authorised.append(str(metadata.get("authorization", "")))

        def forward(request: bytes, context: grpc.ServicerContext) -> Any:
            return self._channel.unary_unary(details.method)(request, timeout=5)

        return grpc.unary_unary_rpc_method_handler(forward)


Proxy = Callable[..., tuple[str, Forwarding]]


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Whom the server and its clients trust."""
    return Authority(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def proxy(authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    """Starts a TLS server before a real Temporal; its address, and what reached it."""
    certificate, key = (file.read_bytes() for file in authority.issue(SERVER))
    servers: list[grpc.Server] = []

    def start(*, wants_certificate: bool) -> tuple[str, Forwarding]:
        handler = Forwarding(f"127.0.0.1:{stack.ports.temporal}")
        server = grpc.server(ThreadPoolExecutor(2), handlers=(handler,))
        credentials = grpc.ssl_server_credentials(
            [(key, certificate)],
            root_certificates=authority.file.read_bytes() if wants_certificate else None,
            require_client_auth=wants_certificate,
        )
        port = server.add_secure_port("127.0.0.1:0", credentials)
        server.start()
        servers.append(server)
        return f"127.0.0.1:{port}", handler

    with LocalStack(tmp_path_factory.mktemp("temporal"), names=("temporal",)) as stack:
        yield start
        for server in servers:
            server.stop(None)


def reach(settings: Settings) -> str:
    """Connect, and ask something that only a Temporal server can answer: the id of the namespace's cluster."""

    async def ask() -> str:
        client = await temporal_connection.connect(settings, PATIENCE)
        assert await client.service_client.check_health()
        return client.namespace

    return asyncio.run(ask())


def test_a_server_that_wants_a_certificate_is_reached_with_one(proxy: Proxy, authority: Authority) -> None:
    """With the files of the settings a client connects by mTLS; without its certificate it is refused."""
    address, _ = proxy(wants_certificate=True)
    certificate, key = authority.issue("worker")
    trusted = {"temporal_address": address, "temporal_tls_ca": authority.file, "temporal_tls_server_name": SERVER}
    assert reach(Settings(**trusted, temporal_tls_cert=certificate, temporal_tls_key=key)) == "default"  # type: ignore[arg-type]
    with pytest.raises(RuntimeError):
        reach(Settings(**trusted))  # type: ignore[arg-type]


def test_an_api_key_is_sent_with_every_call_and_encrypted(proxy: Proxy, authority: Authority) -> None:
    """The server sees the key as a bearer token; a server whose certificate is not the trusted one never sees it."""
    address, handler = proxy(wants_certificate=False)
    key = {"temporal_address": address, "temporal_api_key": SecretStr("k3y"), "temporal_tls_server_name": SERVER}
    reach(Settings(**key, temporal_tls_ca=authority.file))  # type: ignore[arg-type]
    assert len(handler.authorised) >= 2 and set(handler.authorised) == {"Bearer k3y"}
    seen = len(handler.authorised)
    with pytest.raises(RuntimeError):
        reach(Settings(**key))  # type: ignore[arg-type]
    assert len(handler.authorised) == seen


def test_an_api_key_never_goes_over_a_plain_line() -> None:
    """An API key, a certificate and GAELP_TEMPORAL_TLS each encrypt the line; without any of them it is plain."""
    assert encryption(Settings()) is None
    assert encryption(Settings(temporal_api_key=SecretStr("k3y"))) is not None
    assert encryption(Settings(temporal_tls=True)) is not None


def test_a_certificate_and_its_key_belong_together(tmp_path: Path) -> None:
    """One without the other is refused when the settings are read, in a sentence that names both."""
    for given in ({"temporal_tls_cert": tmp_path / "a.pem"}, {"temporal_tls_key": tmp_path / "a.pem"}):
        with pytest.raises(ValidationError, match="belong together: set both or neither"):
            Settings(**given)  # type: ignore[arg-type]


def test_a_file_that_is_not_there_is_named_with_its_variable(tmp_path: Path) -> None:
    """The sentence names the variable and the file."""
    with pytest.raises(UnreadableCertificate, match=r"GAELP_TEMPORAL_TLS_CA names .*absent\.pem, which cannot be read"):
        encryption(Settings(temporal_tls_ca=tmp_path / "absent.pem"))


def test_the_command_line_says_what_it_cannot_reach_and_keeps_the_key_to_itself(proxy: Proxy) -> None:
    """A server that is not trusted is one sentence with the address and no API key."""
    address, _ = proxy(wants_certificate=False)
    settings = Settings(temporal_address=address, temporal_api_key=SecretStr("k3y"))
    with pytest.raises(Refused, match=f"Temporal does not answer at {address}") as refused:
        asyncio.run(connections.temporal(settings))
    assert "k3y" not in str(refused.value) and "k3y" not in repr(settings)
