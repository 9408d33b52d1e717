"""Every id and key that is shared: of workflows, requests, reservations and claims, and which names are valid.

Touch this to name a new kind of workflow or of key. Task queues and search attributes are in temporal_names.py.
"""

from __future__ import annotations

import re

from gaelp.domain.episodes import BatchPurpose
from gaelp.domain.phases import Phase

_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\Z")
LONGEST_DAY_INDEX = 6  # digits
NAME_RULE = "1 to 63 characters, a-z, 0-9 and '-', beginning and ending with a letter or a digit"


def checked_name(name: str, what: str) -> str:
    """Return `name` if it may become a path, a workflow id or a key; raise ValueError naming `what` otherwise."""
    if not _NAME.match(name):
        raise ValueError(f"{what} {name!r} is not a valid name: use {NAME_RULE}")
    return name


FIRST_BATCH = {
    BatchPurpose.TRAIN: 0,
    BatchPurpose.EXAM: 5000,
    BatchPurpose.PERMUTED: 8000,
    BatchPurpose.BLOCK: 11000,
    BatchPurpose.MASTERY: 20000,
}
"""Where batch numbers begin by purpose, so that the ids of batches of two purposes never meet."""


def phase_id(run: str, phase: Phase) -> str:
    """Workflow id of a phase."""
    return f"{run}/{phase}"


def run_of_workflow(workflow: str) -> str:
    """The run that a workflow id begins with: its own, its phase's, or that of a batch, a log or a campaign."""
    return workflow.split("/")[0]


def batch_id(run: str, phase: Phase, index: int) -> str:
    """Workflow id of a batch of simulated episodes."""
    return f"{run}/{phase}/batch-{index:04d}"


def replay_id(run: str, log: str) -> str:
    """Workflow id of one replayed log."""
    return f"{run}/{Phase.HISTORICAL}/{log}"


def campaign_id(run: str, phase: Phase, index: int) -> str:
    """Workflow id of one live campaign, and the root of its name on the platform."""
    return f"{run}/{phase}/campaign-{index:02d}"


DUPLICATE_MARK = "@"


def duplicate_id(campaign: str, platform_id: str) -> str:
    """Name in the books of another campaign on the platform that has the name of one of ours."""
    return f"{campaign}{DUPLICATE_MARK}{platform_id}"


def run_of_campaign(campaign: str) -> str:
    """The run that a campaign's id names."""
    return campaign.split("/")[0]


def phase_of_campaign(campaign: str) -> Phase:
    """The phase that a campaign's id names."""
    return Phase(campaign.split("/")[1])


def request_id(run: str, phase: Phase, sequence: int) -> str:
    """Id of a phase's approval request; requests of a phase are counted from 1."""
    return f"{run}/{phase}#{sequence}"


def reservation_key(campaign: str, day_index: int) -> str:
    """Key of the reservation of a campaign's day; made of names only, so that a retry comes to the same one."""
    return f"{campaign}/day-{day_index:03d}"


def index_of_key(key: str) -> int:
    """The day index of a reservation's key; raises ValueError where it is none."""
    campaign, _, number = key.rpartition("/day-")
    if not campaign or not number.isascii() or not number.isdigit() or len(number) > LONGEST_DAY_INDEX:
        raise ValueError(f"{key} is no key of a campaign's day: it ends with /day- and a number")
    return int(number)


def claim_key(campaign: str, tick: int, intent: str) -> str:
    """Key of the right to make one call that affects spend; made of names only, as the reservation's."""
    return f"{campaign}/tick-{tick:05d}/{intent}"


def step_key(campaign: str, number: int) -> str:
    """Key of a step that monitoring takes in a campaign; its steps are counted from 1."""
    return f"{campaign}/step-{number}"
