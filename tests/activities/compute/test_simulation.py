"""Simulating and learning: what a retry goes on from, what is held in memory, and agents over HTTP."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import weakref
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from temporalio.testing import ActivityEnvironment

from activities.compute import simulation
from activities.compute.decisions import Decisions
from activities.compute.simulation import Simulation
from activities.inputs import Inputs
from activities.made_for import marked
from gaelp.agents.agent_entry_points import UnknownAgent, available, load_agent
from gaelp.agents.agent_failures import AgentFailed
from gaelp.agents.contract import InvalidDecision, Observation, State, TickTime, Totals
from gaelp.agents.remote.remote_agent import RemoteAgent, RemoteError
from gaelp.agents.remote.remote_call import CallFailed
from gaelp.configuration import loading
from gaelp.domain.config.configuration import TrainingConfiguration
from gaelp.domain.episodes import BatchPurpose
from gaelp.domain.exploit_audit import market_names
from gaelp.domain.phases import Phase
from gaelp.domain.simple_rules import SIMPLE_RULES
from gaelp.market.calibration.calibrate import calibrate
from gaelp.messages.episode_batch import BatchResult, SimulateBatches, SimulatedBatches
from gaelp.messages.live_campaign import Decide, LiveCampaignInput
from gaelp.messages.run_context import RunContext
from gaelp.messages.simulation_training import (
    AuditGains,
    FirstCheckpoint,
    Learned,
    LearnRound,
    LearnRules,
    PlayAudit,
    PlayTraps,
    TrapLosses,
)
from gaelp.records.content_store import ContentStore, MissingContent, arrays_digest
from tests.support.campaign_fixture import Crash, planned
from tests.support.installed_packages import installed as installed
from tests.support.installed_packages import project_of

ROOT = Path(__file__).parents[3]
INFO = replace(ActivityEnvironment.default_info(), start_to_close_timeout=timedelta(seconds=60))


class Laboratory:
    """A content store with a small market, and the activities on it."""

    def __init__(self, store: ContentStore, ask: Any = None, **settings: Any) -> None:
        self.own: dict[str, Any] = {}  # agents of a test's own, which no process but this one could load
        self.inputs = Inputs(store, ask, lambda name: self.own[name] if name in self.own else load_agent(name))
        self.config = TrainingConfiguration.model_validate(
            {
                "seed": 7,
                "clock": {"tick_hours": 24},
                "simulation": {"campaigns_per_batch": 6, "days": 3, "daily_budget": "20.00"},
                **settings,
            }
        )
        self.digest = store.put_document(loading.canonical(self.config))
        self.market = store.put_arrays(calibrate([], self.config).to_arrays())
        self.simulation = Simulation(self.inputs)
        self.temporal = ActivityEnvironment()
        self.temporal.info = INFO
        self.beats: list[tuple[Any, ...]] = []
        self.temporal.on_heartbeat = lambda *details: self.beats.append(details)

    def first(self, agent: str) -> str:
        """The activity first_checkpoint."""
        first = FirstCheckpoint(context=self.context(agent))
        return self.temporal.run(self.simulation.first_checkpoint, first).checkpoint_digest

    def context(self, agent: str, checkpoint: str = "") -> RunContext:
        """The simulation phase of a run of that agent."""
        return RunContext(
            run="r", phase=Phase.SIMULATION, config_digest=self.digest, market_digest=self.market, account="a",
            agent=agent, checkpoint_digest=checkpoint,
        )  # fmt: skip

    def simulate(
        self, agent: str, checkpoint: str = "", index: int = 0, purpose: str = "train", anchor: str = ""
    ) -> BatchResult:
        """The activity simulate_batches with one batch."""
        return self.simulate_all(agent, (index,), checkpoint, purpose, anchor).results[0]

    def simulate_all(
        self, agent: str, indices: tuple[int, ...], checkpoint: str = "", purpose: str = "train", anchor: str = ""
    ) -> SimulatedBatches:
        """The activity simulate_batches."""
        context = self.context(agent, checkpoint or self.first(agent))
        batches = SimulateBatches(
            context=context, indices=indices, purpose=BatchPurpose(purpose), anchor_checkpoint_digest=anchor
        )
        return self.temporal.run(self.simulation.simulate_batches, batches)

    def learn(self, agent: str, trajectories: Sequence[str], checkpoint: str = "") -> Learned:
        """The activity learn; a retry is given what the last heartbeat told, as Temporal's JSON brings it."""
        told = json.loads(json.dumps(self.beats[-1])) if self.beats else []
        self.temporal.info = replace(INFO, heartbeat_details=told)
        context = self.context(agent, checkpoint or self.first(agent))
        learning = LearnRound(context=context, trajectory_digests=tuple(trajectories))
        return self.temporal.run(self.simulation.learn, learning)


@pytest.fixture
def store(tmp_path: Path) -> ContentStore:
    return ContentStore(str(tmp_path / "store"))


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> tuple[Laboratory, list[str]]:
    """Three trajectories of the incumbent, which every agent can learn from."""
    laboratory = Laboratory(ContentStore(str(tmp_path_factory.mktemp("played"))))
    results = [laboratory.simulate("fixed-bid", index=index) for index in range(3)]
    return laboratory, [result.trajectory_digest or "" for result in results]


def test_an_exam_batch_is_played_by_the_anchors_checkpoint_too(played: tuple[Laboratory, list[str]]) -> None:
    """The rewards beside the agent's are those of the named checkpoint, and of the incumbent where none is named."""
    laboratory, trajectories = played
    agent = "linear-thompson"
    first = laboratory.first(agent)
    learned = laboratory.learn(agent, trajectories).checkpoint_digest

    def rewards(checkpoint: str, anchor: str) -> BatchResult:
        return laboratory.inputs.whole(laboratory.simulate(agent, checkpoint, 0, "exam", anchor))

    beside = rewards(learned, first)
    assert beside.anchor_rewards == pytest.approx(rewards(first, "").rewards)
    assert rewards(learned, learned).anchor_rewards == pytest.approx(beside.rewards)
    assert beside.anchor_rewards != beside.rewards


class Epochal:
    """Learns in three epochs; `disturb` is called with its number as each begins."""

    name, heads, epochs = "epochal", ("bid_micros", "creative_prob"), 3

    def __init__(self, disturb: Callable[[int], object] = lambda _: None) -> None:
        self.begun: list[int] = []
        self.disturb = disturb

    def initial_state(self, shape: object, rng: object) -> State:
        """Something that every epoch changes, by an order that matters."""
        return {"epoch": np.zeros(1, np.int64), "weight": np.ones(1)}

    def learn(self, state: State, trajectories: Sequence[State]) -> State:
        """One epoch."""
        epoch = int(np.asarray(state["epoch"])[0])
        self.begun.append(epoch)
        self.disturb(epoch)
        weight = np.asarray(state["weight"])
        for trajectory in trajectories:
            weight = weight * 0.9 + float(np.asarray(trajectory["impressions"]).mean()) * (epoch + 1)
        return {"epoch": np.array([epoch + 1]), "weight": weight}


@pytest.fixture
def epochal(fresh: Laboratory) -> Callable[[Any], Any]:
    """Installs an agent under the name `epochal`."""

    def install(agent: Any) -> Any:
        fresh.own["epochal"] = agent
        return agent

    return install


def crash_at(epoch: int) -> Callable[[int], None]:
    """Ends the worker as that epoch begins."""

    def disturb(begun: int) -> None:
        if begun == epoch:
            raise Crash

    return disturb


@pytest.fixture
def fresh(played: tuple[Laboratory, list[str]]) -> Laboratory:
    """The laboratory with nothing told yet."""
    laboratory, _ = played
    laboratory.beats.clear()
    return laboratory


def test_learning_resumes_after_the_last_epoch_that_ended(
    fresh: Laboratory, played: tuple[Laboratory, list[str]], epochal: Callable[[Any], Any]
) -> None:
    """Killed in epoch 2, the next attempt begins with epoch 2 and ends where an undisturbed one does."""
    digests = played[1]
    epochal(Epochal(crash_at(1)))
    with pytest.raises(Crash):
        fresh.learn("epochal", digests)
    second = epochal(Epochal())
    resumed = fresh.learn("epochal", digests)
    assert second.begun == [1, 2]
    fresh.beats.clear()
    whole = epochal(Epochal())
    assert fresh.learn("epochal", digests) == resumed
    assert whole.begun == [0, 1, 2]


def test_a_second_crash_loses_no_epoch_either(
    fresh: Laboratory, played: tuple[Laboratory, list[str]], epochal: Callable[[Any], Any]
) -> None:
    """What was resumed from is told again before anything new is done, so a third attempt still has it."""
    for crash in (1, 1, 2):
        epochal(Epochal(crash_at(crash)))
        with pytest.raises(Crash):
            fresh.learn("epochal", played[1])
    last = epochal(Epochal())
    fresh.learn("epochal", played[1])
    assert last.begun == [2]
    after = epochal(Epochal())  # the last epoch was told too: nothing is left to learn
    fresh.learn("epochal", played[1])
    assert after.begun == []


def test_learning_tells_how_far_it_is(
    fresh: Laboratory, played: tuple[Laboratory, list[str]], epochal: Callable[[Any], Any]
) -> None:
    """Each heartbeat has the epochs done, their checkpoint, and how many trajectories of the next have been read."""
    epochal(Epochal())
    learned = fresh.learn("epochal", played[1])
    assert [(done, read) for done, _, read in fresh.beats] == [
        (0, 1), (0, 2), (0, 3), (1, 0), (1, 1), (1, 2), (1, 3), (2, 0), (2, 1), (2, 2), (2, 3), (3, 0),
    ]  # fmt: skip
    assert fresh.beats[-1][1] == learned.checkpoint_digest
    assert len({checkpoint for _, checkpoint, _ in fresh.beats}) == 4


def test_a_lost_checkpoint_is_not_papered_over(
    fresh: Laboratory, played: tuple[Laboratory, list[str]], epochal: Callable[[Any], Any]
) -> None:
    """A retry whose checkpoint is gone fails with its digest; it does not begin again unseen."""
    epochal(Epochal())
    fresh.beats.append((1, "a" * 64, 0))
    with pytest.raises(MissingContent, match="a" * 64):
        fresh.learn("epochal", played[1])


class Counting:
    """A store that knows how many bytes of what it gave before are still held when the next is asked for."""

    def __init__(self, store: ContentStore) -> None:
        self.store, self.most_held, self.size, self.reads = store, 0, 0, 0
        self.given: list[weakref.ref[Any]] = []

    def get_arrays(self, digest: str) -> dict[str, Any]:
        """As the store's."""
        held = [array.nbytes for reference in self.given if (array := reference()) is not None]
        self.most_held, self.reads = max(self.most_held, sum(held)), self.reads + 1
        arrays = {name: array.copy() for name, array in self.store.get_arrays(digest).items()}  # views keep their owner
        self.given = [weakref.ref(array) for array in arrays.values()]
        self.size = sum(array.nbytes for array in arrays.values())
        return arrays


def trainable() -> Iterator[str]:
    """The agents that learn here; one whose extra is not installed cannot be loaded."""
    for name in available():
        with suppress(UnknownAgent):
            if not isinstance(load_agent(name), RemoteAgent):
                yield name


@pytest.mark.parametrize("name", trainable())
def test_every_agent_learns_the_same_from_one_trajectory_at_a_time(
    played: tuple[Laboratory, list[str]], name: str
) -> None:
    """The state is that of a list of all, to the last bit; hardly anything is held of one while another is read."""
    laboratory, digests = played
    agent = load_agent(name)
    state = laboratory.inputs.untrained(agent, laboratory.digest, laboratory.market)
    store = laboratory.inputs.store
    counting, read = Counting(store), list[int]()
    one_by_one = agent.learn(state, Inputs(counting).trajectories(digests, read.append))  # type: ignore[arg-type]
    at_once = agent.learn(state, [store.get_arrays(digest) for digest in digests])
    assert arrays_digest(one_by_one) == arrays_digest(at_once)
    assert counting.most_held <= counting.size / 10 and len(read) == counting.reads


def test_trajectories_read_like_a_list(played: tuple[Laboratory, list[str]]) -> None:
    """Length, negative indices, slices, iteration twice, names and absence; past the end is an IndexError."""
    laboratory, digests = played
    store, read = laboratory.inputs.store, list[int]()
    lazy = laboratory.inputs.trajectories(digests, read.append)
    assert len(lazy) == 3 and bool(lazy) and not read
    last = store.get_arrays(digests[-1])
    assert all(np.array_equal(lazy[-1][name], last[name]) for name in last) and read == [3]
    assert [dict(each).keys() for each in lazy[1:]] == [last.keys()] * 2
    assert "cost_micros" in lazy[0] and "nonsense" not in lazy[0] and len(lazy[0]) == len(last)
    totals = [[int(each["impressions"].sum()) for each in lazy] for _ in range(2)]
    assert totals[0] == totals[1] == [int(store.get_arrays(digest)["impressions"].sum()) for digest in digests]
    for beyond in (3, -4):
        with pytest.raises(IndexError):
            lazy[beyond]


def test_an_agent_may_read_in_a_thread_of_its_own(
    fresh: Laboratory, played: tuple[Laboratory, list[str]], epochal: Callable[[Any], Any]
) -> None:
    """A thread that Temporal does not know reads too; only its progress is not told."""

    class Threaded(Epochal):
        def learn(self, state: State, trajectories: Sequence[State]) -> State:
            with ThreadPoolExecutor(1) as pool:
                return pool.submit(super().learn, state, trajectories).result()

    epochal(Threaded())
    fresh.learn("epochal", played[1])
    assert [done for done, _, _ in fresh.beats] == [1, 2, 3]


@contextmanager
def http_agent() -> Iterator[str]:
    """examples/http_agent.py as a process of its own; its address."""
    command = [sys.executable, str(ROOT / "examples" / "http_agent.py"), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().split()[1].removesuffix("/act")
        finally:
            process.kill()


def test_the_http_agent_of_the_examples_plays_a_batch(tmp_path: Path) -> None:
    """Its episodes are simulated like any agent's, and a repeated run replays them when it is gone."""
    with http_agent() as url:
        laboratory = Laboratory(ContentStore(str(tmp_path)), remote={"url": url})
        first = laboratory.simulate("remote")
        trajectory = laboratory.inputs.store.get_arrays(first.trajectory_digest or "")
        assert first.impressions > 0 and not first.failures and first.trajectory_digest
        assert trajectory["memory"].shape == (3, 6, 16)
    again = Laboratory(ContentStore(str(tmp_path)), remote={"url": url})
    assert again.simulate("remote") == first
    with pytest.raises(RemoteError, match=f"the agent at {url}, asked at step 0 of simulation/exam/0/0, cannot be"):
        again.simulate("remote", purpose="exam")


def test_it_learns_nothing_here_and_counts_rounds(tmp_path: Path) -> None:
    """The activity learn takes a remote agent, and its next round's requests say which round it is."""
    asked: list[dict[str, Any]] = []
    laboratory = Laboratory(ContentStore(str(tmp_path)), _alike(asked), remote={"url": "http://127.0.0.1:1"})
    result = laboratory.simulate("remote")
    learned = laboratory.learn("remote", [result.trajectory_digest or ""])
    laboratory.simulate("remote", learned.checkpoint_digest, index=1)
    assert [request["rounds"] for request in asked] == [0, 0, 0, 1, 1, 1]
    assert [request["tick_key"] for request in asked[-3:]] == [f"simulation/train/0/1/{step}" for step in range(3)]


def test_a_retried_batch_keeps_to_its_cost_limit(tmp_path: Path) -> None:
    """Calls that failed in earlier attempts count; a batch that begins anew is an activity of its own."""

    def fails_twice(call: int, _: dict[str, Any]) -> None:
        if call < 2:
            raise CallFailed("did not answer")

    asked: list[dict[str, Any]] = []
    remote = {"url": "http://127.0.0.1:1", "cost_per_call": "1.00", "cost_limit": "4.00"}
    laboratory = Laboratory(ContentStore(str(tmp_path)), _alike(asked, fails_twice), remote=remote)
    for said in ("did not answer", "did not answer", "has been called 4 times", "has been called 4 times"):
        with pytest.raises(RemoteError, match=said):
            laboratory.simulate("remote")
    assert len(asked) == 4
    laboratory.temporal.info = replace(INFO, activity_id="another")
    assert laboratory.simulate("remote").impressions > 0 and len(asked) == 5


def test_what_batches_share_cannot_be_written_to(played: tuple[Laboratory, list[str]]) -> None:
    """An agent that changes its state, the market or a trajectory in place fails, and later batches read what was."""
    laboratory, digests = played
    state = laboratory.inputs.state(laboratory.first("linear-thompson"))
    trajectories = laboratory.inputs.trajectories(digests, lambda _: None)
    market = laboratory.inputs.market(laboratory.market)
    shared = (market.ctr, market.cvr, market.hourly, market.prices.cdf, market.candidate_features)
    for arrays in (state.values(), shared, trajectories[0].values()):
        for array in arrays:
            with pytest.raises(ValueError, match="read-only"):
                array[...] = 0


def _alike(asked: list[dict[str, Any]], spoil: Callable[[int, dict[str, Any]], None] = lambda *_: None) -> Any:
    """A remote agent without a network: one bid, all creatives alike; `spoil` may change what it decides."""

    def ask(url: str, body: bytes, timeout_seconds: float) -> bytes:
        request = json.loads(body)
        asked.append(request)
        segments = np.ones(np.shape(request["observation"]["segment_features"])[:2])
        mask = np.array(request["observation"]["mask"], np.float64)
        share = np.repeat((mask / mask.sum(axis=1, keepdims=True))[:, None, :], segments.shape[1], axis=1)
        decision = {"bid_micros": (segments * 6_000_000).tolist(), "creative_prob": share.tolist()}
        spoil(len(asked) - 1, decision)
        return json.dumps({"decision": decision}).encode()

    return ask


def test_one_bad_row_fails_one_episode(tmp_path: Path) -> None:
    """A remote decision with a negative bid costs that episode, from that step on; the others are played to the end."""

    def spoil(step: int, decision: dict[str, Any]) -> None:
        if step == 1:
            decision["bid_micros"][2][0] = -1

    laboratory = Laboratory(ContentStore(str(tmp_path)), _alike([], spoil), remote={"url": "http://127.0.0.1:1"})
    result = laboratory.simulate("remote")
    (failure,) = result.failures
    assert failure.episode == 2
    assert failure.reason == "agent 'remote' at step 1: bid_micros has a negative number, -1"
    bids = laboratory.inputs.store.get_arrays(result.trajectory_digest or "")["bid_micros"]
    assert not bids[1:, 2].any() and bids[0, 2].all() and np.delete(bids, 2, axis=1).all()


def test_a_batch_without_one_good_episode_fails_by_name(tmp_path: Path) -> None:
    """A wrong shape leaves no episode: the batch fails with the agent's name and the step."""

    def spoil(_: int, decision: dict[str, Any]) -> None:
        decision["bid_micros"] = decision["bid_micros"][:1]

    laboratory = Laboratory(ContentStore(str(tmp_path)), _alike([], spoil), remote={"url": "http://127.0.0.1:1"})
    with pytest.raises(InvalidDecision, match=r"agent 'remote' at step 0: bid_micros has shape \(1, 4\)"):
        laboratory.simulate("remote")


def test_batches_together_come_out_as_each_alone(tmp_path: Path) -> None:
    """By digest of trajectory and of whole result, in whatever order and company they are simulated."""
    laboratory = Laboratory(ContentStore(str(tmp_path)))
    alone = {index: laboratory.simulate("linear-thompson", index=index) for index in (0, 3, 5)}
    together = laboratory.simulate_all("linear-thompson", (5, 0, 3))
    assert together.results == (alone[5], alone[0], alone[3])
    assert 0 < together.batch_seconds < 60


def test_a_batch_that_fails_leaves_those_before_it_and_is_judged_alone(tmp_path: Path) -> None:
    """What came before it is returned; asked again it stands first, and its failure is the call's own."""
    laboratory = Laboratory(ContentStore(str(tmp_path)))
    done = laboratory.inputs.incumbent

    def failing(config_digest: str, place: str, step: int = 0) -> Any:
        if place.endswith("/4"):
            raise InvalidDecision("batch 4 fails")
        return done(config_digest, place, step)

    laboratory.inputs.incumbent = failing  # type: ignore[method-assign]
    together = laboratory.simulate_all("fixed-bid", (2, 3, 4, 5))
    assert [result.index for result in together.results] == [2, 3]
    with pytest.raises(InvalidDecision, match="batch 4 fails"):
        laboratory.simulate_all("fixed-bid", (4, 5))


def test_a_call_stops_when_its_time_is_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """At least one batch is simulated, and what is left is asked for again."""
    monkeypatch.setattr(simulation, "LONGEST_SECONDS", 0.0)
    laboratory = Laboratory(ContentStore(str(tmp_path)))
    assert [each.index for each in laboratory.simulate_all("fixed-bid", (2, 3, 4)).results] == [2]


def test_a_retried_batch_asks_only_for_what_was_not_answered(tmp_path: Path) -> None:
    """An outage in the middle costs the call that failed: the answers before it are replayed."""
    asked: list[dict[str, Any]] = []

    def spoil(number: int, _: dict[str, Any]) -> None:
        if number == 2:
            raise CallFailed("is away for a moment")

    laboratory = Laboratory(ContentStore(str(tmp_path)), _alike(asked, spoil), remote={"url": "http://127.0.0.1:1"})
    with pytest.raises(RemoteError, match="asked at step 2 of simulation/train/0/0, is away"):
        laboratory.simulate("remote")
    assert laboratory.simulate("remote").trajectory_digest
    assert [request["tick_key"][-1] for request in asked] == ["0", "1", "2", "2"]


def test_a_live_tick_is_decided_and_its_retry_replays(tmp_path: Path) -> None:
    """decide works with a remote agent; a second attempt of the tick gives the same digests without a call."""
    asked: list[dict[str, Any]] = []
    laboratory = Laboratory(ContentStore(str(tmp_path)), _alike(asked), remote={"url": "http://127.0.0.1:1"})
    store = laboratory.inputs.store
    asking = Decide(
        campaign=_campaign(laboratory),
        observation_digest=store.put_arrays(marked(_seen(laboratory), _campaign(laboratory))),
    )
    decide = Decisions(laboratory.inputs).decide
    decided = laboratory.temporal.run(decide, asking)
    assert store.get_arrays(decided.decision_digest)["bid_micros"].tolist() == [[6_000_000] * 4]
    assert [request["tick_key"] for request in asked] == ["live-test/0/5"]
    assert laboratory.temporal.run(Decisions(Inputs(store, _refusing)).decide, asking) == decided


def _refusing(*_: object) -> bytes:
    raise AssertionError("a replayed answer makes no call")


def _seen(laboratory: Laboratory) -> dict[str, Any]:
    market = laboratory.inputs.market(laboratory.market)
    nothing = Totals.none(1, *market.ctr.shape)
    start = TickTime(np.zeros(1, np.int64), np.zeros(1, np.int64), np.ones(1))
    features = market.segment_features, market.candidate_features
    return Observation.build(start, nothing, *features, np.array([10**7]), 600_000).to_arrays()


def _campaign(laboratory: Laboratory) -> LiveCampaignInput:
    campaign = planned("account", laboratory.config, laboratory.market)
    plan = campaign.order.plan.model_copy(update={"agent": "remote"})
    return LiveCampaignInput(
        context=campaign.context.model_copy(update={"checkpoint_digest": laboratory.first("remote")}),
        order=campaign.order.model_copy(update={"plan": plan}),
        progress=campaign.progress.model_copy(update={"tick": 5}),
    )


def test_a_result_travels_without_its_episodes(tmp_path: Path) -> None:
    """However many episodes a batch has, what enters a history is small, and the whole is found by its digest."""
    sizes = {}
    for campaigns in (6, 60):
        simulation = {"campaigns_per_batch": campaigns, "days": 1, "daily_budget": "20.00"}
        laboratory = Laboratory(ContentStore(str(tmp_path)), simulation=simulation)
        result = laboratory.simulate("fixed-bid", purpose="exam")
        whole = laboratory.inputs.whole(result)
        assert len(whole.rewards) == len(whole.gains) == whole.episodes == result.episodes == campaigns
        assert whole.expected_profit_micros == result.expected_profit_micros
        sizes[campaigns] = len(result.model_dump_json())
    assert sizes[60] < sizes[6] + 100


PROBE = """
import os
import numpy as np
from gaelp.agents.policies.baselines import FixedBid

class Probe(FixedBid):
    name = "probe"
    def act(self, state, seen, memory, rng):
        decision, memory = super().act(state, seen, memory, rng)
        return decision, np.full((len(memory), 1), float(os.getpid()))

class Leaver(FixedBid):
    name = "leaver"
    def act(self, *_):
        os._exit(3)
"""


def test_a_worker_has_agents_act_in_a_child(installed: Callable[..., Path], tmp_path: Path) -> None:
    """By default batches of one agent are decided by one other process, while an incumbent of ours decides here; an
    agent that ends its process fails its own batch, and the next batch of another goes on."""
    installed({"probe": PROBE}, project_of("agents", probe="probe:Probe", leaver="probe:Leaver"))
    laboratory = Laboratory(ContentStore(str(tmp_path / "store")))
    inputs = laboratory.inputs = Inputs(laboratory.inputs.store)
    laboratory.simulation = Simulation(inputs)
    memories = [
        inputs.store.get_arrays(laboratory.simulate("probe", index=index).trajectory_digest or "")["memory"]
        for index in range(2)
    ]
    (process,) = np.unique(memories).tolist()
    assert process != os.getpid()
    with pytest.raises(AgentFailed, match="agent 'leaver': act at step 0 ended its own process with exit code 3"):
        laboratory.simulate("leaver")
    assert laboratory.simulate("probe", index=2).impressions > 0


def test_a_confined_agent_learns_to_the_same_digests(tmp_path: Path) -> None:
    """Trajectories, checkpoints and exams are equal to the last bit, whether the agent lives here or in a child."""
    digests = []
    for load in (load_agent, None):
        laboratory = Laboratory(ContentStore(str(tmp_path / str(load is None))))
        laboratory.inputs = Inputs(laboratory.inputs.store, None, load)
        laboratory.simulation = Simulation(laboratory.inputs)
        batch = laboratory.simulate("linear-thompson")
        learned = laboratory.learn("linear-thompson", [batch.trajectory_digest or ""])
        exam = laboratory.simulate("linear-thompson", learned.checkpoint_digest, purpose="exam")
        digests.append((batch.trajectory_digest, learned.checkpoint_digest, exam))
    assert digests[0] == digests[1]


def test_traps_are_played_once_for_an_attempt_and_one_that_raises_loses_all(store: ContentStore) -> None:
    """A retry writes the same losses, another attempt has other draws, and an agent that raises loses everything."""
    laboratory = Laboratory(store, simulation={"traps": "required", "required_traps": ["lucky-winner"]})

    def losses(agent: str, attempt: int) -> tuple[str, tuple[float, ...]]:
        play = PlayTraps(context=laboratory.context(agent, "c" * 64), attempt=attempt)
        digest = laboratory.temporal.run(laboratory.simulation.play_traps, play).losses_digest
        lost = TrapLosses.model_validate(store.get_document(digest)).losses
        assert list(lost) == ["lucky-winner"]
        return digest, lost["lucky-winner"]

    first = losses("uniform", 1)
    assert len(first[1]) == 128
    assert losses("uniform", 1) == first
    assert losses("uniform", 2) != first
    laboratory.own["broken"] = Broken()
    assert set(losses("broken", 1)[1]) == {1.0}


def test_the_audit_is_played_once_for_an_attempt_and_only_where_it_is_asked_for(store: ContentStore) -> None:
    """A retry writes the same gains, another attempt has other draws, who raises loses all, and else none is played."""
    market = {"segments": 2, "creatives": 3, "hourly_auctions": 400, "click_rate": 0.01}

    def gains(laboratory: Laboratory, agent: str, attempt: int) -> dict[str, tuple[float, ...]]:
        play = PlayAudit(context=laboratory.context(agent, laboratory.first("best-creative")), attempt=attempt)
        digest = laboratory.temporal.run(laboratory.simulation.play_audit, play).gains_digest
        return AuditGains.model_validate(store.get_document(digest)).gains

    audited = Laboratory(store, market=market, simulation={"audit": "reported", "days": 1})
    first = gains(audited, "best-creative", 1)
    assert set(first) == set(market_names())
    assert gains(audited, "best-creative", 1) == first
    assert gains(audited, "best-creative", 2) != first
    audited.own["broken"] = Broken()
    assert {value for each in gains(audited, "broken", 1).values() for value in each} == {-1.0}
    assert gains(Laboratory(store), "best-creative", 1) == {}


def test_the_simple_rules_of_an_exam_learn_and_play_its_worlds(store: ContentStore) -> None:
    """All but the incumbent are taught; they earn on the exam's episodes, and change nothing of the agent's result."""
    laboratory = Laboratory(store)

    def taught() -> dict[str, str]:
        learn = LearnRules(context=laboratory.context("uniform"))
        return laboratory.temporal.run(laboratory.simulation.learn_rules, learn).checkpoints

    rules = taught()
    assert set(rules) == set(SIMPLE_RULES) - {laboratory.config.incumbent} and taught() == rules
    assert int(laboratory.inputs.state(rules["online-lp"])["rounds"][0]) > 1
    batches = SimulateBatches(
        context=laboratory.context("uniform", laboratory.first("uniform")), indices=(0,), purpose=BatchPurpose.EXAM
    )

    def played(batches: SimulateBatches) -> BatchResult:
        [result] = laboratory.temporal.run(laboratory.simulation.simulate_batches, batches).results
        assert result.rule_rewards == {}, "a message carries nothing of each episode"
        return laboratory.inputs.whole(result)

    alone, beside = played(batches), played(batches.model_copy(update={"rule_checkpoints": rules}))
    assert beside.model_copy(update={"rule_rewards": {}}) == alone
    assert set(beside.rule_rewards) == set(rules)
    assert all(len(earned) == beside.episodes for earned in beside.rule_rewards.values())
    assert np.mean(beside.rule_rewards["online-lp"]) > 0.3 > max(alone.rewards)


def test_no_simple_rule_plays_in_a_foreign_environment(store: ContentStore) -> None:
    """Its steps may be slow, and the incumbent plays there already."""
    foreign = Laboratory(store, environment="mine/World-v0")
    learn = LearnRules(context=foreign.context("uniform"))
    assert foreign.temporal.run(foreign.simulation.learn_rules, learn).checkpoints == {}


class Broken:
    """An agent that raises where it should decide."""

    name, heads = "broken", ("bid_micros", "creative_prob")

    def initial_state(self, shape: object, rng: object) -> State:
        return {"rounds": np.zeros(1)}

    def initial_memory(self, campaigns: int) -> np.ndarray[Any, Any]:
        return np.zeros((campaigns, 0))

    def act(self, *asked: object) -> Any:
        raise KeyError("clicks")

    def learn(self, state: State, trajectories: Sequence[State]) -> State:
        return state
