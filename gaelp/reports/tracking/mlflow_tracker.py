"""Sends a run to MLflow, where `MLFLOW_TRACKING_URI` and the other settings of MLflow say (extra `mlflow`).

Touch this when MLflow shall be told something in another way.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from gaelp.reports.tracking.tracked_run import TrackedRun

EXPERIMENT = "gaelp"
NAME = "gaelp.run"  # the tag by which a run that was sent before is found again
AT_ONCE = 100  # parameters or metrics of one call, which MLflow bounds
LONGEST = 500  # characters of a parameter, which MLflow bounds


def send(run: TrackedRun) -> str:
    """The MLflow run of that name in the experiment `gaelp`, made or written on; returns where it is."""
    from mlflow import MlflowClient
    from mlflow.entities import Metric, Param, RunTag

    client = MlflowClient()
    found = client.get_experiment_by_name(EXPERIMENT)
    experiment = found.experiment_id if found else client.create_experiment(EXPERIMENT)
    known = client.search_runs([experiment], f"tags.`{NAME}` = '{run.run}'", max_results=1)
    made = known[0] if known else client.create_run(experiment, _ms(run.began), {NAME: run.run}, run.run)
    place = made.info.run_id
    # One instant for all: MLflow keeps an equal metric of an equal step and instant once.
    metrics = [Metric(each.name, each.value, _ms(run.began), each.step) for each in run.metrics]
    params = [Param(name, value[:LONGEST]) for name, value in run.parameters.items()]
    client.log_batch(place, tags=[RunTag(name, value) for name, value in run.labels.items()])
    for part in _parts(params):
        client.log_batch(place, params=part)
    for part in _parts(metrics):
        client.log_batch(place, metrics=part)
    client.log_artifact(place, str(run.report))
    if run.ended:
        client.set_terminated(place, end_time=_ms(run.ended))
    return f"MLflow experiment {EXPERIMENT}, run {place}"


def _ms(at: datetime) -> int:
    return int(at.timestamp() * 1000)


def _parts(entries: Sequence[Any]) -> list[list[Any]]:
    return [list(entries[first : first + AT_ONCE]) for first in range(0, len(entries), AT_ONCE)]
