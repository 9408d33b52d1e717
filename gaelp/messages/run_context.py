"""What nearly every message is about: a run in one of its phases, and the content that it works with.

Touch this when all phases need one more thing that stays the same throughout a phase.
"""

from __future__ import annotations

from gaelp.domain.frozen import Frozen
from gaelp.domain.phases import Phase


class RunContext(Frozen):
    """The run and what it is made of; content is named by its digest in the content store."""

    run: str  # its name, which is also its experiment
    phase: Phase
    config_digest: str
    market_digest: str  # the calibrated market
    account: str
    agent: str  # the agent under test
    checkpoint_digest: str = ""  # its state; empty before the first one is made
