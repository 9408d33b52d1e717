"""Whether a landing page answers, asked of a real server on this machine."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from gaelp.platforms import landing_pages
from gaelp.platforms.landing_pages import TRIES, page_reachable

STATUS = {"/": 200, "/moved": 302, "/gone": 404, "/broken": 500, "/members": 403, "/busy": 429}


class _Page(BaseHTTPRequestHandler):
    asked: ClassVar[list[str]] = []
    hosts: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        self.asked.append(self.path)
        self.hosts.append(self.headers["Host"])
        recovers = self.path == "/flaky" and self.asked.count("/flaky") == TRIES
        self.send_response(200 if recovers else STATUS.get(self.path.partition("?")[0], 503))
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        return


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    """A web site on a free port of this machine."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Page)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


def reached(url: str, *, private: bool = True, stands_for: Sequence[str] = ("127.0.0.1",)) -> tuple[bool | None, int]:
    """The answer, and how often it was waited for; the name of the site stands for this machine, or for the given."""
    waits: list[float] = []
    found = page_reachable(url, private=private, wait=waits.append, addresses=lambda host, port: stands_for)
    return found, len(waits)


def test_a_page_that_answers_is_reached(site: str) -> None:
    """So is one that sends the visitor on, and one with a query; none of them is asked twice."""
    for path in ("", "/", "/moved", "/?from=ad"):
        assert reached(site + path) == (True, 0), path


def test_a_page_that_fails_is_asked_again_before_it_counts(site: str) -> None:
    """A page that is gone or broken is out of reach after so many tries, and one that recovers is not."""
    for path in ("/gone", "/broken"):
        assert reached(site + path) == (False, TRIES - 1), path
    assert reached(site + "/flaky") == (True, TRIES - 1)


def test_a_page_that_refuses_us_alone_says_nothing(site: str) -> None:
    """Who has to sign in, or has come too often, is no visitor."""
    assert reached(site + "/members") == (None, 0) and reached(site + "/busy") == (None, 0)


def test_the_name_is_given_to_the_server_and_its_address_is_called(site: str) -> None:
    """A site of several names knows which one was meant, and the name is not resolved a second time."""
    assert reached(site.replace("127.0.0.1", "shop.example") + "/")[0]
    assert _Page.hosts[-1] == f"shop.example:{site.rpartition(':')[2]}"


def test_a_page_that_drips_and_a_name_that_hangs_are_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each byte comes in time and the answer never ends, or the name is never resolved: no campaign waits for it."""
    monkeypatch.setattr(landing_pages, "SECONDS", 0.2)
    ended = threading.Event()

    class Dripping(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            while not ended.wait(0.05):
                self.wfile.write(b"H")

        def log_message(self, format: str, *args: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Dripping)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    hangs = partial(page_reachable, private=True, wait=lambda seconds: None)
    try:
        assert hangs(f"http://127.0.0.1:{server.server_address[1]}/") is False
        assert hangs("http://shop.example/", addresses=lambda host, port: ended.wait() and ()) is False
    finally:
        ended.set()
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:1/",
        "http://127.0.0.1:99999/",
        "http://[::1/",
        "http://shop..example/",
        "http://.example/",
        f"http://{'a' * 70}.example/",
    ],
)
def test_what_nobody_serves_is_out_of_reach(url: str) -> None:
    """No server, and what is no address at all; a name that nobody knows stands for nothing."""
    assert reached(url) == (False, TRIES - 1)
    assert reached("http://shop.example/", stands_for=()) == (False, TRIES - 1)
    assert landing_pages.addresses_of("a" * 70 + ".example", 80) == (), "a name that no resolver takes"


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "::1",
        "::ffff:127.0.0.1",
        "::ffff:100.64.0.1",
        "10.0.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "fd00::1",
        "fec0::1",
        "ff02::1",
        "224.0.0.1",
        "64:ff9b::10.0.0.1",
        "2002:a00:1::1",
        "::10.0.0.1",
        "::ffff:0:127.0.0.1",
    ],
)
def test_a_private_address_is_not_called_for_a_real_account(site: str, address: str) -> None:
    """Whatever name stands for it, alone or beside a public one: no request is made, and no visitor reaches it."""
    asked = len(_Page.asked)
    for stands_for in ((address,), ("203.0.113.1", address), (address, "8.8.8.8")):
        assert reached(f"{site}/", private=False, stands_for=stands_for) == (False, TRIES - 1)
    assert len(_Page.asked) == asked


def test_each_try_calls_the_next_address_of_a_name(site: str) -> None:
    """A visitor's browser does so: a site whose first address nobody serves is reached at its second."""
    assert reached(f"{site}/", stands_for=("127.0.0.2", "127.0.0.1")) == (True, 1)


def test_a_name_and_a_path_in_other_letters_are_asked_for_as_a_browser_does(site: str) -> None:
    """The name in the letters of the domain name system, the path as percent and digits, and neither stops the look."""
    assert reached(site.replace("127.0.0.1", "\u4f8b.example") + "/caf\u00e9%20x?a=\u00fc") == (False, TRIES - 1)
    assert _Page.hosts[-1].startswith("xn--fsq.example:") and _Page.asked[-1] == "/caf%C3%A9%20x?a=%C3%BC"


def test_a_page_over_tls_is_reached_by_the_name_on_its_certificate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And by no other name, whatever its address is."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Page)
    context, own = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), _own_certificate(tmp_path)
    context.load_cert_chain(own)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("SSL_CERT_FILE", str(own))
    try:
        answers = [reached(f"https://{name}.example:{server.server_address[1]}/")[0] for name in ("shop", "other")]
    finally:
        server.shutdown()
        server.server_close()
    assert answers == [True, False]


def test_a_certificate_that_nobody_vouches_for_keeps_visitors_away(tmp_path: Path) -> None:
    """A page over TLS whose certificate is its own is out of reach, as a browser's visitor would find it."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Page)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(_own_certificate(tmp_path))
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    asked = len(_Page.asked)
    try:
        assert reached(f"https://shop.example:{server.server_address[1]}/") == (False, TRIES - 1)
    finally:
        server.shutdown()
        server.server_close()
    assert len(_Page.asked) == asked


def _own_certificate(folder: Path) -> Path:
    """Key and certificate of shop.example, signed by itself."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "shop")])
    today = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), 1, today - timedelta(days=1), today + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("shop.example")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    plain = serialization.NoEncryption()
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    (folder / "own.pem").write_bytes(pem + certificate.public_bytes(serialization.Encoding.PEM))
    return folder / "own.pem"
