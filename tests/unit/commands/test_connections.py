"""A service that cannot be reached is one sentence."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tests.support.command_line import Finished, shows_no_traceback
from tests.support.giving_up import gives_up_soon


@pytest.mark.parametrize("words", ["start", "list", "status a", "watch a", "pause a", "resume a", "cancel a"])
def test_missing_temporal_is_one_sentence(in_process: Callable[..., Finished], words: str) -> None:
    """Without Temporal the sentence names the service, its address and how to start it, within ten seconds."""
    with gives_up_soon():
        ran = in_process(*words.split())
    shows_no_traceback(ran)
    assert (ran.returncode, ran.stdout) == (1, "")
    assert "Temporal does not answer at 127.0.0.1:1: start it with `make dev`" in ran.stderr


def test_missing_redis_shows_no_password(no_services: Mapping[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """The sentence about Redis names its address without the password in its URL."""
    from gaelp.commands.connections import reach_redis, read_settings
    from gaelp.commands.console import Refused

    for name, value in no_services.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(Refused, match=r"Redis does not answer at redis://\*\*\*@127\.0\.0\.1:1/0") as caught:
        reach_redis(read_settings())
    assert "hush" not in str(caught.value)


def test_a_ledger_that_cannot_be_read_is_one_sentence(in_process: Callable[..., Finished], tmp_path: Path) -> None:
    """A broken ledger file stops every verb that needs it, with exit code 1."""
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "ledger.db").write_bytes(b"not a database at all" * 100)
    for words in ("accounts", "approve a", "stop a", "keys list --account shop"):
        ran = in_process(*words.split())
        shows_no_traceback(ran)
        assert ran.returncode == 1
        assert "ledger" in ran.stderr
