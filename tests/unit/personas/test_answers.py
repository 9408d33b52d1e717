"""An endpoint's answer is read strictly: a probability in [0, 1], or a failure with its reason."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gaelp.personas.answers import FailedRating, read
from gaelp.personas.prompt import Style


def tokens(*alternatives: tuple[str, object], form: str = "completions") -> bytes:
    """A completion's body in either form in use."""
    if form == "completions":
        logprobs: object = {"top_logprobs": [dict(alternatives)]}
    else:
        logprobs = {"content": [{"top_logprobs": [{"token": t, "logprob": p} for t, p in alternatives]}]}
    return json.dumps({"choices": [{"text": "x", "logprobs": logprobs}], "usage": {"total_tokens": 90}}).encode()


def chat(content: object) -> bytes:
    return json.dumps({"choices": [{"message": {"content": content}}]}).encode()


@pytest.mark.parametrize("form", ["completions", "chat"])
def test_token_probabilities_are_summed_over_spellings(form: str) -> None:
    """P(yes) / (P(yes) + P(no)) counts " Yes", "yes" and "YES" together, in both forms that endpoints use."""
    body = tokens((" Yes", math.log(0.3)), ("yes", math.log(0.1)), (" no", math.log(0.1)), ("Well", -2.0), form=form)
    answer = read(body, Style.TOKENS)
    assert answer.probability == pytest.approx(0.8) and answer.tokens == 90


def test_a_word_that_is_not_listed_is_as_unlikely_as_the_least_likely_listed() -> None:
    """With only yes in the list the answer is below 1, by what the list leaves open."""
    assert read(tokens(("yes", math.log(0.6)), ("x", math.log(0.2))), Style.TOKENS).probability == pytest.approx(0.75)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("yes", 2 / 3), (" No. ", 1 / 3), ("7", 7.5 / 11), ("10", 10.5 / 11), ("0/10", 0.5 / 11), ('"3.5"', 4 / 11)],
)
def test_a_text_answer_is_one_word_or_one_number(text: str, expected: float) -> None:
    """Yes and no are one observation under Laplace's rule; a number from 0 to 10 is its middle of eleven."""
    assert read(chat(text), Style.TEXT).probability == pytest.approx(expected)


NONSENSE = [
    (b"<html>busy</html>", Style.TOKENS),
    (b"", Style.TOKENS),
    (b"[" * 100_000, Style.TOKENS),
    (b"\xff\xfe", Style.TEXT),
    (b"[]", Style.TEXT),
    (b'{"choices": []}', Style.TEXT),
    (b'{"choices": [{"logprobs": null}]}', Style.TOKENS),
    (b'{"choices": [{"logprobs": {"top_logprobs": [{"yes": NaN, "no": -1}]}}]}', Style.TOKENS),
    (b'{"choices": [{"logprobs": {"top_logprobs": [{"yes": 2.5, "no": -1}]}}]}', Style.TOKENS),
    (b'{"choices": [{"logprobs": {"top_logprobs": [{"yes": Infinity}]}}]}', Style.TOKENS),
    (b'{"choices": [{"logprobs": {"top_logprobs": [{"yes": "-1", "no": -1}]}}]}', Style.TOKENS),
    (tokens(("maybe", -0.1), ("perhaps", -3.0)), Style.TOKENS),
    (tokens(("yes", -9.0), ("maybe", -0.01)), Style.TOKENS),
    *(
        (chat(text), Style.TEXT)
        for text in ("yes and no", "11", "-3", "99", "７", "", "I would say 7", None, 7, "yes" * 99)
    ),
]


@pytest.mark.parametrize(("body", "style"), NONSENSE)
def test_nonsense_is_no_answer(body: bytes, style: Style) -> None:
    """Whatever is not one clear answer is refused with a reason that repeats nothing of what was said."""
    with pytest.raises(FailedRating) as refused:
        read(body, style)
    assert "html" not in str(refused.value) and "maybe" not in str(refused.value)


@given(st.dictionaries(st.sampled_from(["yes", " No", "no", "x", "YES "]), st.floats(-1e6, 1e-4) | st.just(-math.inf)))
@settings(max_examples=200, deadline=None)
def test_an_answer_is_a_number_in_the_unit_interval_or_none(alternatives: dict[str, float]) -> None:
    """Every list of probabilities gives a number in [0, 1] or FailedRating."""
    try:
        answer = read(tokens(*alternatives.items()), Style.TOKENS)
    except FailedRating:
        return
    assert 0.0 <= answer.probability <= 1.0


@pytest.mark.parametrize("usage", [None, {}, {"total_tokens": -5}, {"total_tokens": 10**30}, {"total_tokens": "9"}])
def test_a_count_of_tokens_that_cannot_be_is_none(usage: object) -> None:
    """A count of tokens that is missing, negative, absurdly large or no number counts as 0."""
    body = json.loads(chat("yes")) | {"usage": usage}
    assert read(json.dumps(body).encode(), Style.TEXT).tokens == 0
