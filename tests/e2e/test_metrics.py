"""What real workers serve, as a real Prometheus reads it: every panel of the dashboard and every alert rule."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from temporalio.client import Client

from gaelp.domain.temporal_names import Queue
from gaelp.metrics.metric_table import METRICS, OTHER
from tests.support.black_box import becomes
from tests.support.local_runs import SMALL, LocalRuns
from tests.support.prometheus import RULES, Prometheus, program, reading

RUN = "read-by-prometheus"
DASHBOARD = json.loads((RULES.parent / "grafana" / "gaelp.json").read_text())
PANELS = [(panel["title"], each["expr"]) for panel in DASHBOARD["panels"] for each in panel.get("targets", [])]
GROUPS = yaml.safe_load((RULES / "gaelp.rules.yml").read_text())["groups"]
ALERTS = [rule for group in GROUPS for rule in group["rules"]]
# What Temporal's SDK counts from the first failure on, and what only a worker that stopped an account has.
ONLY_AFTER = {
    "temporal_workflow_failed_total",
    "temporal_activity_execution_failed_total",
    "gaelp_account_stop_seconds_bucket",
}
# What other tests do to the same workers fires none of these.
NEVER_HERE = {"GaelpReaperDoesNotLook", "GaelpReaperCannotPause", "GaelpNobodyServesTheStop", "GaelpBooksNotRead"}


def names_in(expression: str) -> set[str]:
    return set(re.findall(r"\b(?:gaelp|temporal)_\w+", expression))


@pytest.fixture(scope="module")
async def prometheus(local_runs: LocalRuns, client: Client, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A server that has read the workers after a run's simulation and a look of the reaper."""
    program("prometheus")
    first = local_runs.stack.metrics_port
    assert first is not None
    changes = [word for each in (*SMALL, f"account={local_runs.open_account(RUN)}") for word in ("--set", each)]
    named = ("--config", "quick-test", "--experiment-name", RUN, "--until", "simulation")
    ended = local_runs.starter("start", *named, *changes, "--wait", "--json")
    assert ended.json["outcome"] == "promoted", ended.output
    await client.execute_workflow("Reaper", id="look-for-prometheus", task_queue=Queue.STOP)
    cores = len(os.sched_getaffinity(0))
    with reading([first + each for each in range(1 + cores)], tmp_path_factory.mktemp("prometheus")) as asked:
        assert becomes(lambda: asked.value("min(count_over_time(up[1m]))") >= 3, 30)
        yield asked


@pytest.mark.asyncio(loop_scope="session")
async def test_every_panel_shows_what_is_there(prometheus: Prometheus) -> None:
    """No panel's expression is refused, and each one gives a series of metrics that are served."""
    served = set(prometheus.ask("label/__name__/values"))
    for title, expression in PANELS:
        series = prometheus.query(expression.replace("$__rate_interval", "10s"))
        unknown = names_in(expression) - served
        assert unknown <= ONLY_AFTER, f"{title}: nothing serves {sorted(unknown)}"
        assert series or unknown, f"{title}: nothing for {expression}"


@pytest.mark.asyncio(loop_scope="session")
async def test_every_rule_is_evaluated_and_a_healthy_machine_is_silent(prometheus: Prometheus) -> None:
    """Each alert is evaluated without an error on what is served, and none fires for which there is no cause."""
    served = set(prometheus.ask("label/__name__/values"))
    wanted = {name for rule in ALERTS for name in names_in(rule["expr"])}
    assert wanted - served <= ONLY_AFTER
    groups = prometheus.ask("rules")["groups"]
    rules = {rule["name"]: rule for group in groups for rule in group["rules"]}
    assert rules.keys() == {rule["alert"] for rule in ALERTS}
    assert becomes(lambda: all(r["health"] == "ok" for g in prometheus.ask("rules")["groups"] for r in g["rules"]), 10)
    firing = {each["metric"]["alertname"] for each in prometheus.query('ALERTS{alertstate="firing"}')}
    assert not firing & NEVER_HERE
    assert prometheus.value("time() - max(gaelp_reaper_last_look_timestamp_seconds)") < 60


@pytest.mark.asyncio(loop_scope="session")
async def test_a_run_is_counted(prometheus: Prometheus) -> None:
    """Its episodes, its verdicts by criterion, the transactions of the ledger and the looks of the reaper."""
    for expression in (
        'sum(gaelp_simulated_episodes_total{purpose="exam"})',
        'sum(gaelp_verdicts_total{phase="simulation",criterion="1"})',
        'sum(gaelp_ledger_transaction_seconds_count{access="write",outcome="committed"})',
        "sum(gaelp_reaper_looks_total)",
        "max(gaelp_books_read_timestamp_seconds)",
    ):
        assert prometheus.value(expression) > 0, expression


@pytest.mark.asyncio(loop_scope="session")
async def test_no_label_names_a_run(prometheus: Prometheus) -> None:
    """Ours have the labels and the values of the table and no other; no label at all holds a run or an account."""
    series = prometheus.ask("series", **{"match[]": '{__name__=~"gaelp_.+|temporal_.+"}'})
    assert len(series) > 100
    assert not [each for each in series if any(RUN in value for value in each.values())]
    for metric in METRICS:
        mine = [each for each in series if each["__name__"].removesuffix("_count") == metric.exported]
        for labels in mine:
            own = {name: value for name, value in labels.items() if name not in ("__name__", "instance", "job")}
            assert own.keys() == metric.labels.keys()
            assert all(value in (*metric.labels[name], OTHER) for name, value in own.items())


def test_promtool_takes_the_rules_and_their_tests() -> None:
    """Each alert fires on what it is for and is silent on a healthy machine, by `promtool test rules`."""
    for arguments in (("check", "config", "prometheus.yml"), ("test", "rules", "gaelp.rules.test.yml")):
        ran = subprocess.run([program("promtool"), *arguments], cwd=RULES, capture_output=True, text=True, check=False)
        assert ran.returncode == 0, ran.stdout + ran.stderr
    tested = yaml.safe_load((RULES / "gaelp.rules.test.yml").read_text())["tests"]
    fires = {each["alertname"] for test in tested for each in test["alert_rule_test"] if each.get("exp_alerts")}
    silent = {each["alertname"] for test in tested for each in test["alert_rule_test"] if not each.get("exp_alerts")}
    assert fires == silent == {rule["alert"] for rule in ALERTS}


def test_a_rule_that_never_fires_is_found(tmp_path: Path) -> None:
    """The check above can fail: with another threshold promtool refuses the tests."""
    for name in ("gaelp.rules.yml", "gaelp.rules.test.yml"):
        text = (RULES / name).read_text()
        (tmp_path / name).write_text(text.replace("_cap_used_ratio) > 0.9", "_cap_used_ratio) > 0.99"))
    command = [program("promtool"), "test", "rules", "gaelp.rules.test.yml"]
    assert subprocess.run(command, cwd=tmp_path, capture_output=True, check=False).returncode == 1
