"""Episodes a second: bare in this process and in two, with the agent in a child process, and through the workflow.

Touch this when an episode's way changes. A batch is `campaigns` episodes of seven daily ticks; each is played twice, by
the agent and by the incumbent on the same world, and counted once.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from gaelp.agents.agent_entry_points import load_agent
from gaelp.agents.contract import Agent, State
from gaelp.commands import connections
from gaelp.configuration import loading
from gaelp.confinement.confined_agent import ConfinedAgents
from gaelp.domain.batch_groups import grouped
from gaelp.domain.config.configuration import TrainingConfiguration
from gaelp.domain.episodes import BatchPurpose, EpisodeState
from gaelp.domain.phases import Phase
from gaelp.domain.temporal_names import Queue
from gaelp.local_stack import LocalStack
from gaelp.market.calibration.calibrate import calibrate
from gaelp.market.episodes.batch import BatchKey, DecidingAgent, simulate
from gaelp.market.parameters import MarketParameters
from gaelp.market.streams import stream
from gaelp.messages.episode_batch import BatchResult, SimulateBatches, SimulatedBatches
from gaelp.messages.run_context import RunContext
from gaelp.records.content_store import ContentStore
from gaelp.settings import Settings
from scripts.bench.timing import Row, Sizes

SHARE_WANTED = 0.7  # of the speed of a pool of two processes
SMALL = 32  # episodes in a batch, as by default
CONFINED_WANTED = 0.9  # of the speed of agents in this process
OPTIONS = (  # of the market, whose cost is to be known
    ("market.auction=first-price",),
    ("market.bidding=target-cpa",),
    ("market.own_campaigns=4",),
    ("market.audience=20000", "market.frequency_cap=3"),
    ("market.audience=20000", "market.fatigue=0.2"),
    ("market.resolution=per-auction",),
)


@dataclass(frozen=True)
class Play:
    """A market, its configuration, and an agent with the state in which it plays."""

    config: TrainingConfiguration
    market: MarketParameters
    state: State
    incumbent: State
    load: Callable[[str], Agent] = load_agent

    @classmethod
    def of(cls, campaigns: int, *options: str) -> Play:
        """quick-test on a market made up without logs, its agent untrained; `options` as --set takes them."""
        changes = ["historical.logs=[]", f"simulation.campaigns_per_batch={campaigns}", *options]
        config = loading.load("quick-test", environment={}, overrides=changes)
        market = calibrate([], config)
        state, incumbent = (
            load_agent(name).initial_state(market.world_shape, stream(config.seed, "initial-state", name))
            for name in (config.agent, config.incumbent)
        )
        return cls(config, market, state, incumbent)

    def batch(self, index: int) -> tuple[dict[str, Any], BatchResult]:
        """One training batch: its trajectory and its result."""
        agents = self.load(self.config.agent), self.state, load_agent(self.config.incumbent), self.incumbent
        return simulate(
            self.market, DecidingAgent(*agents), self.config, BatchKey(index, BatchPurpose.TRAIN, attempt=0)
        )

    def learned(self, trajectories: list[dict[str, Any]]) -> Play:
        """The same with the agent's state after a round."""
        return replace(self, state=load_agent(self.config.agent).learn(self.state, trajectories))


@dataclass(frozen=True)
class Speed:
    """Episodes a second of the clock, and a second of processor time, which a busy machine does not falsify."""

    rate: float
    per_processor_second: float
    peak_mib: float


def bare(sizes: Sizes, batches: int, *options: str) -> Speed:
    """`simulate` in this process, one batch after another, nothing stored."""
    play = Play.of(sizes.campaigns, *options)
    play.batch(0)
    begun, used = time.perf_counter(), time.process_time()
    results = [play.batch(index)[1] for index in range(batches)]
    episodes = sum(result.episodes + result.replaced for result in results)
    return Speed(episodes / (time.perf_counter() - begun), episodes / (time.process_time() - used), peak_mib())


def confined(sizes: Sizes, pairs: int) -> tuple[float, float]:
    """Episodes a second of (the agent in this process, the agent in a child process), by turns; the median counts.

    The incumbent is one of ours and decides here, as in a compute worker.
    """
    here, agents = Play.of(sizes.campaigns), ConfinedAgents()
    seconds: dict[bool, list[float]] = {False: [], True: []}
    for index in range(pairs + 1):
        for apart, play in ((False, here), (True, replace(here, load=agents))):
            begun = time.perf_counter()
            play.batch(index)
            seconds[apart].append(time.perf_counter() - begun)
    agents.close()
    rates = [sizes.campaigns / statistics.median(seconds[apart][1:]) for apart in (False, True)]
    return rates[0], rates[1]


def in_a_pool(campaigns: int, batches: int) -> Speed:
    """`simulate` in two processes, nothing stored."""
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        pool.starmap(_simulated, [(campaigns, index) for index in range(4)], chunksize=2)  # each makes its market
        pids = [each.pid for each in multiprocessing.active_children()]
        begun, used = time.perf_counter(), sum(processor_seconds(pid) for pid in pids if pid)
        pool.starmap(_simulated, [(campaigns, index) for index in range(batches)], chunksize=4)
        seconds = time.perf_counter() - begun
        used = sum(processor_seconds(pid) for pid in pids if pid) - used
    return Speed(batches * campaigns / seconds, batches * campaigns / used, peak_mib())


def _simulated(campaigns: int, index: int) -> None:
    _play_of(campaigns).batch(index)


@cache
def _play_of(campaigns: int) -> Play:
    return Play.of(campaigns)


def through_workflow(sizes: Sizes) -> Speed:
    """EpisodeBatch workflows, trajectories stored; processor time is that of all processes of ours and Temporal."""
    with (
        tempfile.TemporaryDirectory() as home,
        LocalStack(Path(home), names=("temporal", "redis", "worker", "compute")) as stack,
    ):
        pids = [stack.pid(name) for name in ("temporal", "redis", "worker", "compute")]
        return asyncio.run(run_batches(Settings.named_by(stack.environment()), sizes, pids))


async def run_batches(settings: Settings, sizes: Sizes, pids: Sequence[int]) -> Speed:
    """`sizes.batches` batches on a stack that runs, in rounds as a phase plans them; `pids` are its processes."""
    play, store = Play.of(sizes.campaigns), ContentStore(settings.store)
    context = RunContext(
        run="bench",
        phase=Phase.SIMULATION,
        config_digest=store.put_document(loading.canonical(play.config)),
        market_digest=store.put_arrays(play.market.to_arrays()),
        account=play.config.account,
        agent=play.config.agent,
        checkpoint_digest=store.put_arrays(play.state),
    )
    client = await connections.temporal(settings)
    places = asyncio.Semaphore(sizes.in_flight)

    async def run(indices: tuple[int, ...]) -> float:
        async with places:
            batches = SimulateBatches(context=context, indices=indices, purpose=BatchPurpose.TRAIN)
            done: SimulatedBatches = await client.execute_workflow(
                "EpisodeBatch", batches, id=f"bench/{indices[0]}", task_queue=Queue.WORKFLOWS,
                result_type=SimulatedBatches,
            )  # fmt: skip
            for result in done.results:
                if result.state is not EpisodeState.SETTLED:
                    raise RuntimeError(f"batch {result.index} did not settle: {result.reason}")
            return done.batch_seconds

    async def round(first: int, width: int, batch_seconds: float) -> float:
        groups = grouped(range(first, first + width), batch_seconds)
        return min(await asyncio.gather(*(run(group) for group in groups)))

    # Two rounds warm the workers, and tell what a batch takes, as a phase learns it.
    await round(0, sizes.in_flight, 0.0)
    taken = await round(sizes.in_flight, sizes.in_flight, 0.0)
    begun, used = time.perf_counter(), sum(map(tree_seconds, pids))
    await round(2 * sizes.in_flight, sizes.batches, taken)
    seconds, used = time.perf_counter() - begun, sum(map(tree_seconds, pids)) - used
    episodes = sizes.batches * sizes.campaigns
    return Speed(episodes / seconds, episodes / used, peak_mib(pids[-1]))


def measured(sizes: Sizes, workflow: bool = True) -> list[Row]:
    """Bare, beside it through the workflow, and bare with an option of the market each."""
    alone = bare(sizes, sizes.batches)
    rows = [Row("bare, one process", "episodes", alone.rate, note=f"batches of {sizes.campaigns}; {_told(alone)}")]
    here, apart = confined(sizes, sizes.batches)
    note = "median batches by turns with the agent in this process"
    rows.append(Row("the agent in a child process", "episodes", apart, here, wanted_ratio=CONFINED_WANTED, note=note))
    for campaigns in dict.fromkeys((sizes.campaigns, min(SMALL, sizes.campaigns))) if workflow else ():
        batches = sizes.batches * sizes.campaigns // campaigns
        pool = in_a_pool(campaigns, batches)
        through = through_workflow(replace(sizes, campaigns=campaigns, batches=batches))
        name = "through Temporal, beside a pool of two processes"
        note = f"batches of {campaigns}; all processes: {_told(through)}; the pool: {_told(pool)}"
        rows.append(Row(name, "episodes", through.rate, pool.rate, wanted_ratio=SHARE_WANTED, note=note))
    for options in OPTIONS:
        changed = bare(sizes, sizes.option_batches, *options)
        rows.append(Row("bare, " + " ".join(options), "episodes", changed.rate, note=_told(changed)))
    return rows


def _told(speed: Speed) -> str:
    return f"{speed.per_processor_second:,.0f} a second of processor time, peak {speed.peak_mib:,.0f} MiB"


def processor_seconds(pid: int) -> float:
    """Processor time that a process has used, in user and system mode."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def tree_seconds(pid: int) -> float:
    """The same of a process and its descendants that still run."""
    threads = Path(f"/proc/{pid}/task").iterdir()
    children = {int(child) for thread in threads for child in (thread / "children").read_text().split()}
    return processor_seconds(pid) + sum(map(tree_seconds, children))


def peak_mib(pid: int | str = "self") -> float:
    """Peak resident memory of a process in MiB.

    Not ru_maxrss: a process that was forked begins with its parent's there.
    """
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError(f"/proc/{pid}/status has no VmHWM: peak memory is measured on Linux only")
