"""The personas and the texts that they see: those that ship, or those that a configuration gives.

`recorded.json` holds a model's answers about the panel that ships. scripts/record_panel.py makes it, and
`RecordedPanel` describes its fields. Touch this when the panel is to come from elsewhere.
"""

from __future__ import annotations

import hashlib
import json
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
import yaml
from pydantic import BaseModel, ConfigDict, TypeAdapter

from gaelp.domain.config.market_sections import CreativeText, Persona, Personas
from gaelp.errors import GaelpError
from gaelp.market.parameters import MarketParameters
from gaelp.personas import prompt, ratings

_PEOPLE, _CREATIVES = TypeAdapter(tuple[Persona, ...]), TypeAdapter(tuple[CreativeText, ...])


class Provenance(BaseModel):
    """Where recorded answers come from. Written by scripts/record_panel.py and shown by every run that uses them."""

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())

    model: str  # name and size of the model, in words
    model_digest: str  # SHA-256 of the model file
    packages: dict[str, str]  # what served it, with versions
    prompt: str  # prompt.PROMPT_VERSION
    date: str  # ISO day, given to the script
    method: str  # how an answer becomes a number
    failed: int  # questions without an answer
    asked: int  # questions in all, those about the neutral advertisement included
    spread: dict[str, float]  # per question: standard deviation of the log ratings over creatives, mean over personas
    consensus: dict[str, float]  # per question: share of the log ratings' variance that personas have in common
    injected: dict[str, float]  # what an instruction hidden in a creative did to its rating; see the script
    warning: str  # what kind of evidence this is, in a sentence

    def sentence(self) -> str:
        """The provenance in one sentence, for a report."""
        return (
            f"recorded {self.date} from {self.model} (prompt {self.prompt}, {self.failed} of {self.asked} failed). "
            f"{self.warning}"
        )


class RecordedPanel(BaseModel):
    """`recorded.json`: answers by question, creative by creative for each persona, null where there was none."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    panel: str  # `digest` of the panel that was asked
    provenance: Provenance
    answers: dict[prompt.Question, tuple[tuple[float | None, ...], ...]]  # [P][K] P(yes)
    neutral: dict[prompt.Question, tuple[float | None, ...]]  # [P] P(yes) of the neutral advertisement


class StaleRecording(GaelpError, ValueError):
    """recorded.json is of another panel than the one that ships."""

    permanent = True


def people(config: Personas) -> tuple[Persona, ...]:
    """The configured personas, or those that ship."""
    return config.people if config.people is not None else _shipped_people()


def creatives(config: Personas) -> tuple[CreativeText, ...]:
    """The configured texts, or those that ship."""
    return config.creatives if config.creatives is not None else _shipped_creatives()


def with_panel(market: MarketParameters, config: Personas) -> MarketParameters:
    """The market with the recorded panel in it, as a run has it. Raises RatingsMismatch; ValueError for an endpoint."""
    if config.source != "recorded":
        raise ValueError(f"personas.source is {config.source}: only recorded ratings are there without a run")
    return ratings.apply(market, people(config), config.weight, recorded_ratings())


def recorded_ratings() -> ratings.Ratings:
    """The ratings of the panel that ships."""
    recording = recorded()
    answers = {question: np.array(recording.answers[question], np.float64) for question in prompt.Question}
    neutral = {question: np.array(recording.neutral[question], np.float64) for question in prompt.Question}
    return ratings.rated(answers, neutral)


@cache
def recorded() -> RecordedPanel:
    """The recorded answers that ship; StaleRecording where panel, texts or prompt have changed since."""
    recording = RecordedPanel.model_validate_json(_text("recorded.json"))
    if (
        recording.panel != digest(_shipped_people(), _shipped_creatives())
        or recording.provenance.prompt != prompt.PROMPT_VERSION
    ):
        raise StaleRecording(
            "The recorded ratings are of another panel, other texts or another prompt than those that ship: record "
            "them again with scripts/record_panel.py, or use personas.source=endpoint."
        )
    return recording


def digest(personas: tuple[Persona, ...], texts: tuple[CreativeText, ...]) -> str:
    """SHA-256 of all that a model is shown."""
    shown = [[prompt.data(persona, text) for text in texts] for persona in personas]
    return hashlib.sha256(json.dumps(shown, ensure_ascii=False).encode()).hexdigest()


@cache
def _shipped_people() -> tuple[Persona, ...]:
    return _PEOPLE.validate_python(_yaml("panel.yaml"))


@cache
def _shipped_creatives() -> tuple[CreativeText, ...]:
    return _CREATIVES.validate_python(_yaml("creatives.yaml"))


def _yaml(name: str) -> Any:
    return yaml.safe_load(_text(name))


def _text(name: str) -> str:
    return files("gaelp.personas").joinpath(name).read_text(encoding="utf-8")
