"""Names that Temporal knows: task queues and search attributes. Touch this to add one.

A new search attribute is also registered in deploy/temporal-namespace.sh.
"""

from __future__ import annotations

from enum import StrEnum


class Queue(StrEnum):
    """Task queues. Only the worker of `live` and `stop` holds ad credentials."""

    WORKFLOWS = "gaelp"
    COMPUTE = "compute"
    RECORDS = "records"
    LIVE = "live"
    STOP = "stop"


class Attribute(StrEnum):
    """Temporal search attributes: all Keyword, but GaelpSpendMicros (Int) and GaelpAwaiting (Bool)."""

    EXPERIMENT = "GaelpExperiment"
    PHASE = "GaelpPhase"
    STATUS = "GaelpStatus"
    SPEND_MICROS = "GaelpSpendMicros"
    AWAITING = "GaelpAwaiting"


REAPER = "gaelp-reaper"
"""Id of the Temporal schedule that looks for campaigns of ours that nothing covers."""

WAITS = "waits"
"""Key of the memo in which a run and a phase say what is out of their reach, and since when."""
