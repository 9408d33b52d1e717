"""What a tracker of experiments is given of a run, and what is said where it does not take it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from gaelp.records.warehouse.warehouse import Warehouse
from gaelp.records.warehouse.warehouse_back_ends import open_warehouse
from gaelp.reports.tracking.tracked_run import TrackedRun, TrackerFailed, send, tracked_run
from tests.unit.reports.test_report_page import facts_of, money, whole_run


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    """Of its own."""
    return open_warehouse(str(tmp_path / "warehouse"))


@pytest.fixture
def run(warehouse: Warehouse, tmp_path: Path) -> TrackedRun:
    """A run that has gone through all phases, and a page."""
    whole_run(warehouse)
    page = tmp_path / "report.html"
    page.write_text("<p>the report</p>")
    return tracked_run(facts_of(warehouse, money(), "a"), page)


def install(folder: Path, monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    """A package with a tracker `file`, as a user installs one."""
    (folder / "ours.py").write_text(code)
    about = folder / "ours-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: ours\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[gaelp.trackers]\nfile = ours:send\n")
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.delitem(sys.modules, "ours", raising=False)


def test_a_tracker_is_given_settings_rewards_by_batch_verdicts_and_the_page(run: TrackedRun) -> None:
    """Under names that tell phase and criterion; amounts are whole micros."""
    assert run.parameters["simulation.rounds"].isdigit() and run.parameters["live_test.roi"]
    assert run.labels["agent"] == "linear-thompson" and run.labels["verdict.simulation"] == "PASS"
    rewards = [(each.step, each.value) for each in run.metrics if each.name == "train.reward"]
    assert rewards == [(0, 0.5), (1, 0.51), (2, 0.52), (3, 0.53)]
    named = {each.name: each.value for each in run.metrics}
    assert named["exam.regret.over_bidding"] == 0.12
    assert (named["live-test.criterion-8.estimate"], named["live-test.criterion-8.bound"]) == (0.8125, 0.7321)
    assert named["billed_micros"] == 17_000_000 and run.report.read_text() == "<p>the report</p>"


def test_a_tracker_of_ones_own_is_an_entry_point(
    run: TrackedRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its answer says where the run can be looked at; another name is refused with those that are installed."""
    code = f"def send(run):\n    open({str(tmp_path / 'sent')!r}, 'w').write(run.run)\n    return 'a file'\n"
    install(tmp_path, monkeypatch, code)
    assert (send("file", run), (tmp_path / "sent").read_text()) == ("a file", "a")
    with pytest.raises(TrackerFailed, match=r"there is no tracker 'files': installed are .*file"):
        send("files", run)


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("def send(run):\n    raise ValueError('https://ada:secret@tracker')\n", r"did not take a \(ValueError\)"),
        ("import no_such_package\n", "needs the package no_such_package, which is not installed"),
    ],
)
def test_what_a_tracker_raises_is_told_without_its_text(
    run: TrackedRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str, says: str
) -> None:
    """An address may hold a password."""
    install(tmp_path, monkeypatch, code)
    with pytest.raises(TrackerFailed, match=says) as refused:
        send("file", run)
    assert "secret" not in str(refused.value)


def test_mlflow_has_the_run_once_however_often_it_is_sent(
    run: TrackedRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Against a real MLflow store, where the extra is installed."""
    mlflow = pytest.importorskip("mlflow", reason="the extra `mlflow` is not installed")
    pytest.importorskip("alembic", reason="MLflow keeps runs in SQLite with it")
    from gaelp.reports.tracking import mlflow_tracker

    mlflow.set_tracking_uri(f"sqlite:///{tmp_path}/mlflow.db")
    monkeypatch.chdir(tmp_path)
    places = {mlflow_tracker.send(run) for _ in range(2)}
    client = mlflow.MlflowClient()
    (kept,) = client.search_runs([client.get_experiment_by_name("gaelp").experiment_id])
    assert len(places) == 1 and kept.info.run_id in places.pop()
    assert kept.data.params == {name: value[:500] for name, value in run.parameters.items()}
    assert kept.data.tags["verdict.simulation"] == "PASS" and kept.info.status == "FINISHED"
    history = client.get_metric_history(kept.info.run_id, "train.reward")
    assert [(each.step, each.value) for each in history] == [(0, 0.5), (1, 0.51), (2, 0.52), (3, 0.53)]
    assert [each.path for each in client.list_artifacts(kept.info.run_id)] == ["report.html"]
