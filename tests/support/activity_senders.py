"""Activities as a workflow of a given id calls them. Touch this when an activity asks more about who calls it."""

from __future__ import annotations

from dataclasses import replace

from temporalio.testing import ActivityEnvironment


def as_workflow(name: str) -> ActivityEnvironment:
    """Where an activity runs that the workflow of this id has called."""
    environment = ActivityEnvironment()
    environment.info = replace(environment.info, workflow_id=name)
    return environment
