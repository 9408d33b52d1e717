"""Reads what an endpoint answered: a probability in [0, 1], or FailedRating with its reason.

Reading is strict, and the reasons are sentences of ours: nothing that an endpoint wrote ever reaches a log, a history
or an error. Touch this when an endpoint words its answer in another form.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from typing import Any

from gaelp.errors import GaelpError
from gaelp.personas.prompt import Style

MINIMUM_MASS = 0.01  # P(yes) + P(no) below it: the model was about to say something else
LARGEST_COUNT = 10_000_000  # tokens that one answer can have cost
_TEXT = re.compile(r"[\s\"'*]*(?:(yes|no)|([0-9]{1,2}(?:\.[0-9]{1,3})?)(?:\s*/\s*10)?)[\s\"'*.!]*", re.IGNORECASE)


class FailedRating(GaelpError, ValueError):
    """A question has no answer. The text is the reason, equal for equal failures, so that they can be counted."""


@dataclass(frozen=True)
class Answer:
    """One answer: the probability of yes in [0, 1], and the tokens that it cost (0 where the endpoint does not say)."""

    probability: float
    tokens: int


def read(body: bytes, style: Style) -> Answer:
    """The answer in the body of a completion (Style.TOKENS) or chat completion (Style.TEXT); FailedRating."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise FailedRating("an answer that is not JSON") from error
    choice = _first(document.get("choices")) if isinstance(document, dict) else None
    if not isinstance(choice, dict):
        raise FailedRating("a JSON answer without a choice")
    probability = _of_tokens(choice) if style is Style.TOKENS else _of_text(choice)
    return Answer(probability, _tokens(document.get("usage")))


def _of_tokens(choice: dict[str, Any]) -> float:
    """P(yes) / (P(yes) + P(no)) over the spellings of either among the first token's alternatives.

    Where only one of them is listed the other is taken to be as likely as the least likely token listed: it is less.
    """
    alternatives = _alternatives(choice.get("logprobs"))
    mass = {word: sum(math.exp(p) for token, p in alternatives if token == word) for word in ("yes", "no")}
    if mass["yes"] + mass["no"] < MINIMUM_MASS:
        raise FailedRating("a first token that is neither yes nor no")
    least = math.exp(min(p for _, p in alternatives))
    yes, no = max(mass["yes"], least), max(mass["no"], least)
    return yes / (yes + no)


def _alternatives(logprobs: object) -> list[tuple[str, float]]:
    """(token in lower case without spaces, log probability) of the first token, from either form in use.

    Chat's form is a list of objects under `content`; that of completions a mapping under `top_logprobs`.
    """
    if not isinstance(logprobs, dict):
        raise FailedRating("an answer without token probabilities (personas.token_probabilities=false reads its text)")
    first = _first(logprobs.get("content"))
    listed = first.get("top_logprobs") if isinstance(first, dict) else _first(logprobs.get("top_logprobs"))
    if isinstance(listed, dict):
        pairs = list(listed.items())
    elif isinstance(listed, list):
        pairs = [(each.get("token"), each.get("logprob")) for each in listed if isinstance(each, dict)]
    else:
        pairs = []
    if not pairs:
        raise FailedRating("an answer without token probabilities (personas.token_probabilities=false reads its text)")
    return [(str(token).strip().lower(), _log_probability(value)) for token, value in pairs]


def _log_probability(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise FailedRating("a token probability that is not a number")
    # Rounding may put the log of a certain token a hair above 0. Tokens of probability 0 are -infinity in some servers.
    if math.isnan(value) or value > 1e-3:
        raise FailedRating("a token probability outside [0, 1]")
    return min(float(value), 0.0)


def _of_text(choice: dict[str, Any]) -> float:
    """A number x of 0 to 10 is (x + 1/2) / 11; yes and no are 2/3 and 1/3 (Laplace's rule on one answer)."""
    message = choice.get("message")
    content = message.get("content") if isinstance(message, dict) else None
    match = _TEXT.fullmatch(content) if isinstance(content, str) and len(content) < 100 else None
    if match is None:
        raise FailedRating("a text that is neither yes, no nor a number from 0 to 10")
    if match[1]:
        return 2 / 3 if match[1].lower() == "yes" else 1 / 3
    number = float(match[2])
    if number > 10:
        raise FailedRating("a text that is neither yes, no nor a number from 0 to 10")
    return (number + 0.5) / 11


def _first(value: object) -> object:
    return value[0] if isinstance(value, list) and value else None


def _tokens(usage: object) -> int:
    total = usage.get("total_tokens") if isinstance(usage, dict) else None
    plausible = isinstance(total, int) and not isinstance(total, bool) and 0 <= total <= LARGEST_COUNT
    return int(total) if plausible and isinstance(total, int) else 0
