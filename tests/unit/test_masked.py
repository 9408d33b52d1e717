"""Passwords in addresses are masked by one function, in every error of ours and in whatever a command prints."""

from __future__ import annotations

import json
import time

import pytest

from gaelp.commands.console import Out, Refused, table
from gaelp.errors import GaelpError, masked

SECRET = "hu5h"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("postgresql://ada:hu5h@db:5432/gaelp", "postgresql://***@db:5432/gaelp"),
        ("redis://:hu5h@127.0.0.1:6379/0", "redis://***@127.0.0.1:6379/0"),
        ("https://hu5h@host/path", "https://***@host/path"),
        ("postgresql+psycopg://ada:hu5h@[::1]:5432/x", "postgresql+psycopg://***@[::1]:5432/x"),
        ("ftp://ada:hu5h/with@signs:in@host/x", "ftp://***@host/x"),
        ("ada:hu5h@127.0.0.1:7233", "***@127.0.0.1:7233"),
        ("set GAELP_X=ada:hu5h@host:1 first", "set GAELP_X=***@host:1 first"),
        ("postgresql://db/x?user=ada&password=hu5h&a=1", "postgresql://db/x?user=ada&password=***&a=1"),
        ("gs://bucket?access_token=hu5h#x", "gs://bucket?access_token=***#x"),
        ("'http://a:hu5h@h' and \"http://b:hu5h@i\"", "'http://***@h' and \"http://***@i\""),
        ("postgresql://u:hu5h@h:notaport/db", "postgresql://***@h:notaport/db"),
        ("http:// u:hu5h@h", "http:// ***@h"),
        ("postgresql://u:hu5h or so@h/db", "postgresql://***@h/db"),
        ("postgresql://u:hu5h\"or'so@h/db", "postgresql://***@h/db"),
        ("at redis://u:a/b:hu5h@h:1: start it", "at redis://***@h:1: start it"),
        ("redis://u:p@hu5h/w@h and redis://v:hu5h@i", "redis://***@h and redis://***@i"),
        ("ada:a/hu5h@127.0.0.1:7233", "***@127.0.0.1:7233"),
        ("gaelp+x://u:hu5h@h,gaelp+x://v:hu5h@i", "gaelp+x://***@i"),
    ],
)
def test_what_could_be_a_password_is_masked(text: str, shown: str) -> None:
    """Told by form, so that an address that nobody can parse is masked too."""
    assert masked(text) == shown and SECRET not in masked(text)


@pytest.mark.parametrize(
    "text",
    ["http://127.0.0.1:8233/namespaces/default/workflows/a", "ada@example.org", "a/live-test#1: 50.00 USD",
     "sqlite:///tmp/x/ledger.db", "at 12:30:00 and 13:00", "bigquery://project/dataset", "digest sha256:abc"],
)  # fmt: skip
def test_what_is_no_password_stays(text: str) -> None:
    """Addresses without a user, mail addresses and times are shown as they are."""
    assert masked(text) == text


@pytest.mark.parametrize("piece", ["://", ":", "@", "://a:", "a:b@", "?key", "key", "x"])
def test_a_long_text_is_masked_quickly(piece: str) -> None:
    """No text makes the search slow: 200,000 signs take less than a second."""
    begun = time.process_time()
    masked("http://" + piece * (200_000 // len(piece)))
    assert time.process_time() - begun < 1


def test_every_error_of_ours_masks_itself() -> None:
    """Whoever words an error with an address in it need not think of the password."""
    assert SECRET not in str(GaelpError(f"no answer at redis://:{SECRET}@h")) + str(Refused(f"http://a:{SECRET}@h"))


def test_whatever_is_printed_is_masked(capsys: pytest.CaptureFixture[str]) -> None:
    """Documents at any depth, sentences, tables, notes and refusals with their details."""
    address = f"redis://ada:{SECRET}@h:1"
    Out(True).result({"a": [{address: address}], "n": 1.5, "t": (address,)})
    assert json.loads(capsys.readouterr().out) == {
        "a": [{"redis://***@h:1": "redis://***@h:1"}], "n": 1.5, "t": ["redis://***@h:1"]
    }  # fmt: skip
    Out(True).refuse(address, 1, {"address": address})
    out = Out(False)
    out.result({}, f"at {address}", table(("where",), [(address,)]))
    out.note(address)
    out.card(f"# {address}")
    out.refuse(address, 1, {})
    shown = capsys.readouterr()
    assert SECRET not in shown.out + shown.err and (shown.out + shown.err).count("redis://***@h:1") == 7
