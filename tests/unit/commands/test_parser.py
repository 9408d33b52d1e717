"""The grammar of the command line, its older form included."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from gaelp.commands.parser import parse
from tests.support.command_line import Finished, shows_no_traceback


def test_the_older_form_is_start_or_validate(in_process: Callable[..., Finished]) -> None:
    """Without a verb, --config and --experiment-name mean start, and --validate-config means validate."""
    older = ["--config", "staging", "--experiment-name", "x"]
    assert parse(older) == parse(["start", *older])
    assert parse([*older, "--wait"]).wait is True
    assert parse(["--experiment-name=x"]) == parse(["start", "--experiment-name", "x"])
    for words in (["--config", "staging", "--validate-config"], ["--validate-config", "--config", "staging"]):
        assert in_process(*words, "--json").stdout == in_process("validate", "--config", "staging", "--json").stdout
    assert in_process("--config", "quick-test", "--validate-config", "--experiment-name", "A B").returncode == 2


@pytest.mark.parametrize(
    "verb", [*"status assess watch approve reject pause resume cancel stop report".split(), "checkpoints"]
)
@pytest.mark.parametrize("name", ["../x", " ", "Upper", "a/live-test", "", "x" * 64, "a\n", "é"])
def test_a_bad_run_name_is_refused_before_anything_is_asked(
    in_process: Callable[..., Finished], verb: str, name: str
) -> None:
    """Names are checked before they become ids, paths or SQL: exit 2, with the rule."""
    ran = in_process(verb, name)
    shows_no_traceback(ran)
    assert ran.returncode == 2
    assert "is not a valid name: use 1 to 63 characters" in ran.stderr
