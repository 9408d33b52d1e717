"""The examples that every --help ends with."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Callable

import pytest

from gaelp.commands.parser import VERBS, build, parse
from gaelp.commands.verb_examples import EXAMPLES
from tests.support.command_line import Finished


@pytest.mark.parametrize("verb", VERBS)
def test_each_verb_and_action_has_an_example_that_the_grammar_takes(
    in_process: Callable[..., Finished], verb: str
) -> None:
    """--help shows it, the grammar reads it as that verb, and no action of a verb is left out."""
    shown = in_process(verb, "--help").stdout
    parsed = [parse(shlex.split(example, comments=True)[: _end(example)]) for example in EXAMPLES[verb]]
    assert parsed and all(each.verb == verb for each in parsed)
    assert all(f"  python starter.py {example}\n" in shown for example in EXAMPLES[verb])
    assert {each.action for each in parsed if "action" in each} >= _actions(verb)


def test_no_example_is_of_a_verb_that_there_is_not() -> None:
    """A verb that goes takes its example with it."""
    assert set(EXAMPLES) == set(VERBS)


def _end(example: str) -> int | None:
    words = shlex.split(example)
    return words.index("&&") if "&&" in words else None


def _actions(verb: str) -> set[str]:
    made = build(verb)
    (verbs,) = (each for each in made._actions if isinstance(each, argparse._SubParsersAction))
    nested = (each for each in verbs.choices[verb]._actions if isinstance(each, argparse._SubParsersAction))
    return {name for each in nested for name in each.choices}
