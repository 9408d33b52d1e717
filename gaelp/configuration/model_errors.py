"""What pydantic says of a wrong value, as one sentence for people. Touch this to word a refusal of the model."""

from __future__ import annotations

import json
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from gaelp.domain.config.section import CURRENCY_PATTERN, ENVIRONMENT_PATTERN, NAME_PATTERN, URL_PATTERN
from gaelp.domain.ids import NAME_RULE

FORMS = {  # what a person reads instead of a regular expression
    NAME_PATTERN: f"is not a valid name: use {NAME_RULE}",
    URL_PATTERN: "is no address: write http://HOST:PORT, without a name or password in it",
    ENVIRONMENT_PATTERN: "is no Gymnasium id with a namespace: `starter.py environments` lists them",
    CURRENCY_PATTERN: "is no currency: use its three capitals, such as USD",
}


def described(error: ValidationError) -> list[tuple[str, str]]:
    """Path and sentence of each thing that is wrong."""
    return [(".".join(map(str, each["loc"])), _sentence(each)) for each in error.errors()]


def _sentence(error: ErrorDetails) -> str:
    """pydantic's message, with what was given and a remedy where it says none."""
    message = error["msg"].removeprefix("Value error, ")
    if error["type"] == "value_error":
        return message
    if error["type"] == "string_pattern_mismatch":
        message = FORMS.get(error.get("ctx", {}).get("pattern", ""), message)
    elif error["type"] == "string_type":
        message += " (put it in quotes)"
    return f"{message}, got {_shown(error['input'])}"


def _shown(value: Any) -> str:
    text = json.dumps(value, default=str)
    return text if len(text) <= 60 else text[:57] + "..."
