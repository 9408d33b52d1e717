"""Campaigns on a platform that keeps its rules, and that nobody edits by hand. `make hostile` runs more of them."""

from __future__ import annotations

import pytest

from tests.hostile.hostile_sequence import nature_of
from tests.hostile.tested_seeds import blocks, run_block


@pytest.mark.parametrize("seeds", blocks(lawful=True), ids=lambda seeds: f"from-{seeds[0]}")
def test_lawful_sequences_keep_every_invariant(seeds: list[int]) -> None:
    """Two campaigns, seven days, at least 200 steps; faults, deaths, pauses and stops between any two of them."""
    run_block(seeds)


def test_half_of_the_sequences_are_lawful() -> None:
    """In them the invariants about what may still be billed are checked after every step."""
    assert [nature_of(seed).lawful for seed in range(8)] == [True, True, False, False] * 2
