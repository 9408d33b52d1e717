"""Campaigns on a platform that breaks its rules, or that people edit by hand. `make hostile` runs more of them."""

from __future__ import annotations

import pytest

from tests.hostile.tested_seeds import blocks, run_block


@pytest.mark.parametrize("seeds", blocks(lawful=False), ids=lambda seeds: f"from-{seeds[0]}")
def test_lawless_sequences_keep_what_must_always_hold(seeds: list[int]) -> None:
    """What breaks the rules is counted, told and paused; over-billing, edits by hand, a platform from a backup."""
    run_block(seeds)
