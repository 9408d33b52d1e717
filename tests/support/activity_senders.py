"""Activities as a workflow of a given id calls them. Touch this when an activity asks more about who calls it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any, TypeVar, cast

from temporalio.testing import ActivityEnvironment

Asked = TypeVar("Asked")
Answer = TypeVar("Answer")


def as_workflow(name: str) -> ActivityEnvironment:
    """Where an activity runs that the workflow of this id has called."""
    environment = ActivityEnvironment()
    environment.info = replace(environment.info, workflow_id=name)
    return environment


@dataclass
class Described:
    """What Temporal keeps of any workflow: this parent."""

    parent: str

    def get_workflow_handle(self, name: str, run_id: str) -> Described:
        return self

    async def describe(self) -> Any:
        known = SimpleNamespace(parent_execution=SimpleNamespace(workflow_id=self.parent))
        return SimpleNamespace(raw_description=SimpleNamespace(workflow_execution_info=known))


def as_phase(
    name: str, activity: Callable[[Asked], Coroutine[Any, Any, Answer]], asked: Asked, parent: str | None = None
) -> Answer:
    """The answer of an activity that a phase calls; it was started by its run, or by `parent`."""
    environment = ActivityEnvironment(client=cast(Any, Described(name.split("/")[0] if parent is None else parent)))
    environment.info = replace(environment.info, workflow_id=name)
    return asyncio.run(environment.run(activity, asked))
