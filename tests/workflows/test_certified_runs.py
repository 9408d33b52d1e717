"""Whole runs of `certify` on services of their own, and who else may use its agents."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from activities.compute.stated_worlds import StatedWorlds
from gaelp.commands.power.certified_runs import certified_runs, kinds
from gaelp.domain.config.configuration import TrainingConfiguration
from gaelp.domain.phases import Phase
from gaelp.evidence.certification.certified_names import NotCertified, stated_agent, trial_name
from gaelp.messages.run_context import RunContext
from gaelp.messages.simulation_training import FirstCheckpoint
from gaelp.records.content_store import ContentStore
from tests.support.local_runs import ROOT

TRIALS = 2


def test_whole_runs_let_the_good_agent_through_and_the_bad_one_not() -> None:
    """Through the real workflow, gate and attempts: no run of reward 0.69 is promoted, each of success 0.90 is."""
    wanted = ("reward-0-69", "reward-0-78-success-0-90")
    chosen = [each for each in kinds(TrainingConfiguration()) if each.kind in wanted]
    said: list[str] = []
    bad, good = certified_runs(chosen, TRIALS, said.append)
    assert (bad.passed, bad.trials, bad.runs, bad.limit) == (0, TRIALS, True, 0.05)
    assert (good.passed, good.trials, good.limit) == (TRIALS, TRIALS, None)
    assert f"reward 0.69: 0 of {TRIALS} runs graduated" in said[0]


def test_every_kind_is_found_by_the_name_of_its_trials() -> None:
    """Each stated agent is had from a trial's name with its own distributions; the harvester plays the real market."""
    config = TrainingConfiguration()
    drawn = [each for each in kinds(config) if each.kind != "organic-harvester"]
    assert len(drawn) == 9
    assert [stated_agent(trial_name(each.kind, 7), each.config).name for each in drawn] == [e.name for e in drawn]


@pytest.mark.parametrize("name", ["linear-thompson", "certified-nobody-t1", "certified-reward-0-69"])
def test_the_worker_of_certify_refuses_other_agents(tmp_path: Path, name: str) -> None:
    """An installed agent, a kind that nobody states and a name without a trial are refused in a sentence."""
    store = ContentStore(str(tmp_path))
    digest = store.put_document(TrainingConfiguration())
    context = RunContext(
        run="r", phase=Phase.SIMULATION, config_digest=digest, market_digest="", account="a", agent=name,
        checkpoint_digest="",
    )  # fmt: skip
    with pytest.raises(NotCertified, match=r"none of `certify`|states no agent"):
        StatedWorlds(store).first_checkpoint(FirstCheckpoint(context=context))


def test_no_run_of_a_user_has_an_agent_of_certify(tmp_path: Path) -> None:
    """`validate` refuses such a name as any agent that is not installed, with exit code 2."""
    words = ["validate", "--agent", trial_name("reward-0-78-success-0-90", 1)]
    command, home = [sys.executable, str(ROOT / "starter.py"), *words], {**os.environ, "GAELP_HOME": str(tmp_path)}
    ran = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=home)
    assert ran.returncode == 2 and "no agent" in ran.stderr


def test_certify_replaces_nothing_but_the_queue_compute() -> None:
    """A worker that serves other queues cannot be told to serve the agents of `certify`."""
    command = [sys.executable, str(ROOT / "worker.py"), "--queues", "records", "--certify"]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == 2 and "--certify replaces what the queue compute serves" in ran.stderr
