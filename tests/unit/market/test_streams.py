"""The key of a random stream: its draws are the same for ever, whatever classes its parts have in Python."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import numpy as np
import pytest

from gaelp.domain.phases import Phase
from gaelp.market.streams import stream

# Every kind of key that the product uses, with the first integer below 2**63 that it has always drawn.
FIRST_DRAWS: dict[str, tuple[tuple[Any, ...], int]] = {
    "a live decision": ((7, Phase.LIVE_TEST, 0, 3, "decide"), 9212147405865552660),
    "the incumbent's live decision": ((7, Phase.SCALED, 1, 3, "incumbent"), 4570319409172667648),
    "an agent's first state": ((7, "initial-state", "linear-thompson"), 3015485040615146186),
    "a log's replay": ((7, "historical", "policy", "uniform"), 589636490406317664),
    "permuted ratings": ((7, "personas", "permuted"), 7396871776980604671),
    "a calibrated market": ((7, "calibration", "creatives"), 8203886439462038946),
    "a training batch": ((7, "simulation", "train", 2, "agent", "act"), 1224546846999849146),
    "an exam batch": ((7, "simulation", "exam", 1, 2, "world"), 5984802675750098974),
    "a gymnasium session": ((7, "environment", 0, "world"), 4031720205884760048),
    "practice": ((7, "practice", 5), 7158979377112808038),
    "an hour on the emulator": ((7, "traffic", "run/live-test/campaign-00", 480000, 0), 4429904014264398632),
    "a day's over-delivery": ((7, "over-delivery", "run/live-test/campaign-00", 2), 7450746492017159103),
    "a product": ((7, "product", "product-a"), 6930737645214708202),
    "the seed alone": ((7,), 6921193592372231237),
}


@pytest.mark.parametrize("kind", FIRST_DRAWS)
def test_a_key_draws_what_it_always_drew(kind: str) -> None:
    """A change of these numbers changes every digest of every run."""
    key, first = FIRST_DRAWS[kind]
    assert stream(*key).integers(2**63) == first


def test_an_enumeration_of_text_draws_as_its_text() -> None:
    """Text may become an enumeration without another draw."""

    class Renamed(StrEnum):
        TRAIN = "train"

    assert np.array_equal(stream(7, Renamed.TRAIN).random(4), stream(7, "train").random(4))


def test_a_phase_keeps_a_tag_of_its_own() -> None:
    """A phase and its text are different keys, as they were when live campaigns first drew."""
    assert not np.array_equal(stream(7, Phase.LIVE_TEST).random(4), stream(7, "live-test").random(4))


@pytest.mark.parametrize("name", [1.0, None, ("a",), b"a"])
def test_a_name_without_a_tag_is_refused(name: Any) -> None:
    """What is neither text nor an integer has no tag, and must not get one by accident."""
    with pytest.raises(TypeError, match="text and integers"):
        stream(7, name)
