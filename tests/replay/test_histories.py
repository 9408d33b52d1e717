"""Committed histories still replay: a workflow that was changed fails here before it meets a run that is under way.

After a change on purpose: `.venv/bin/python -m scripts.record_histories`.
"""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path
from typing import Any

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowHistory

from gaelp.domain.episodes import EpisodeState
from gaelp.domain.phases import Outcome
from scripts.record_histories import RECORDED, plain_texts
from tests.support.replayed_runs import SERVED, replayer

FOLDER = Path(__file__).parent / "histories"
FILES = sorted(FOLDER.glob("*.json.gz"))
# Nothing that begins like a path of a machine, no key, no PROCESS@HOST.
OF_A_MACHINE = re.compile(r"(?<![\w.:/])/(?:root|home|tmp|var|usr|work|Users|private|opt)/|PRIVATE KEY|\d+@\w")


def _history(path: Path) -> WorkflowHistory:
    name = path.name.removesuffix(".json.gz")
    workflow_id = next(found for found, recorded in RECORDED.items() if recorded == name)
    return WorkflowHistory.from_json(workflow_id, gzip.decompress(path.read_bytes()).decode())


def _type(history: WorkflowHistory) -> str:
    return str(history.events[0].workflow_execution_started_event_attributes.workflow_type.name)


def _ending(history: WorkflowHistory) -> str:
    """What the last event says, in the words of the file names."""
    last = history.events[-1]
    if last.event_type == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED:
        return str(EpisodeState.CANCELLED)
    assert last.event_type == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED, last
    payload = last.workflow_execution_completed_event_attributes.result.payloads[0]
    result: dict[str, Any] = json.loads(payload.data)
    if "gate" in result:  # a phase
        return str(result["ended"] or "promoted")
    if "trouble" in result:
        return "looked"
    if "stopped" in result:
        return str(Outcome.STOPPED) if result["stopped"] else "not-stopped"
    if "results" in result:  # batches
        (state,) = {each["state"] for each in result["results"]}
        return str(state)
    return str(result.get("outcome") or result["state"])


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name.removesuffix(".json.gz"))
async def test_a_history_replays_and_ends_as_its_name_says(path: Path) -> None:
    """The workflow of today makes the commands of the day it was recorded, to the end that the name tells."""
    history = _history(path)
    assert f"{_type(history)}.{_ending(history)}.json.gz" == path.name
    await replayer().replay_workflow(history)


async def test_a_changed_history_does_not_replay() -> None:
    """The replay compares: without one of its activities a history is refused."""
    history = _history(FOLDER / "LiveCampaign.settled.json.gz")
    scheduled = EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED
    changed = WorkflowHistory.from_json(history.workflow_id, history.to_json())
    event = next(event for event in changed.events if event.event_type == scheduled)
    event.activity_task_scheduled_event_attributes.activity_type.name = "somebody-elses"
    with pytest.raises(Exception, match=r"[Nn]on.?determinism"):
        await replayer().replay_workflow(changed)


def test_every_workflow_has_a_history() -> None:
    """No type is left out, and no file is left over."""
    assert {path.name.removesuffix(".json.gz") for path in FILES} == set(RECORDED.values())
    assert {_type(_history(path)) for path in FILES} == {
        workflow.__temporal_workflow_definition.name  # type: ignore[attr-defined]
        for workflow in SERVED
    }


def test_histories_are_small_and_tell_nothing_of_the_machine_they_were_made_on() -> None:
    """Under a megabyte in all, without paths, host names or keys in fields and payloads."""
    assert sum(path.stat().st_size for path in FILES) < 1_000_000
    for path in FILES:
        told = [text for text in plain_texts(_history(path)) if OF_A_MACHINE.search(text)]
        assert told == [], f"{path.name}: {told[:3]}"
