"""Which sequences the tests run, in blocks that several processes can share. Touch this to run more or fewer."""

from __future__ import annotations

from tests.hostile.hostile_sequence import nature_of, run_sequence

SEQUENCES = 1000
BLOCK = 25  # sequences of one test


def blocks(*, lawful: bool) -> list[list[int]]:
    """The seeds whose platform is lawful, or not, by blocks."""
    seeds = [seed for seed in range(SEQUENCES) if nature_of(seed).lawful is lawful]
    return [seeds[first : first + BLOCK] for first in range(0, len(seeds), BLOCK)]


def run_block(seeds: list[int]) -> None:
    """Run them; raises Broken."""
    for seed in seeds:
        steps = run_sequence(seed).steps
        assert steps >= 200, f"sequence {seed} has {steps} steps only"
