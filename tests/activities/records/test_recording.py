"""Records: each fact once, however often an activity is retried and wherever it died."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from temporalio.testing import ActivityEnvironment

from activities.records.recording import JOURNAL_CHUNK, JOURNAL_TABLES, Records
from gaelp.domain.episodes import EpisodeAmounts, EpisodeFailure, EpisodeState
from gaelp.domain.gates.verdicts import CriterionVerdict, GateVerdict, Verdict
from gaelp.domain.phases import Phase
from gaelp.domain.platform_records import DayReport
from gaelp.domain.spending.campaign_records import CampaignResult
from gaelp.domain.spending.ledger_records import JournalEntry
from gaelp.messages.episode_batch import BatchResult
from gaelp.messages.recording import EpisodeRecord, LifecycleEvent, Record, RecordBatches
from gaelp.messages.spending_phase import RecordCampaigns
from gaelp.records.events.event_back_ends import open_events, read_events
from gaelp.records.events.live_metrics import LiveMetrics
from gaelp.records.warehouse.warehouse import Warehouse
from gaelp.records.warehouse.warehouse_back_ends import open_warehouse
from tests.support.campaign_fixture import RUN, START, UNIT, CampaignFixture, Crash
from tests.support.local_runs import LocalRuns


class Dying:
    """The real warehouse; dies before or after the append with a given number."""

    def __init__(self, warehouse: Warehouse) -> None:
        self._warehouse = warehouse
        self.appends = 0
        self.die_before = self.die_after = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._warehouse, name)

    def append(self, table: str, rows: Sequence[Mapping[str, Any]], batch: str) -> int:
        self.appends += 1
        if self.appends == self.die_before:
            raise Crash
        new = self._warehouse.append(table, rows, batch)
        if self.appends == self.die_after:
            raise Crash
        return new


@pytest.fixture
def warehouse(tmp_path: Path) -> Iterator[Dying]:
    """A warehouse of this test's own."""
    opened = open_warehouse(str(tmp_path / "warehouse"))
    yield Dying(opened)
    opened.close()


@pytest.fixture
def records(local_runs: LocalRuns, fixture: CampaignFixture, warehouse: Dying) -> Records:
    """The activities, on the session's Redis."""
    settings = local_runs.settings
    return Records(
        fixture.inputs,
        fixture.ledger,
        warehouse,
        open_events(settings.redis_url, ""),
        LiveMetrics(settings.redis_url),
    )


def run(activity: Callable[[Any], Any], message: object) -> Any:
    return ActivityEnvironment().run(activity, message)


def rows(warehouse: Dying, table: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = warehouse.query(f"SELECT * FROM {table}")  # noqa: S608 - a table of ours
    return found


def _gate() -> GateVerdict:
    criteria = tuple(
        CriterionVerdict(id=number, name="a criterion", verdict=Verdict.PASS, reason="it is so") for number in "12"
    )
    return GateVerdict(
        phase=Phase.SIMULATION, verdict=Verdict.PASS, criteria=criteria, attempt=1, alpha=0.05,
        checkpoint_digest="c" * 64, evidence_digest="e" * 64, promote=True, proven=True,
    )  # fmt: skip


def test_a_record_repeated_writes_each_fact_once(
    local_runs: LocalRuns, records: Records, warehouse: Dying, fixture: CampaignFixture
) -> None:
    """Episodes, verdicts, events, metrics and the journal: a retry adds nothing to any of them."""
    name = f"{RUN}-{fixture.account}"
    event = LifecycleEvent(id=f"{name}/ended", run=name, kind="gate.decided", at=START)
    episode = EpisodeRecord(
        run=name, phase=Phase.SIMULATION, episode=f"{name}/simulation/batch-0000", state=EpisodeState.SETTLED,
        agent="x", checkpoint_digest="c" * 64, at=START,
    )  # fmt: skip
    message = Record(
        run=name, step="simulation/gate", at=START, episodes=(episode,), gates=(_gate(),), events=(event,),
        metrics={"reward": 0.5}, export_journal=True,
    )  # fmt: skip
    for _ in range(2):
        run(records.record, message)
        assert (len(rows(warehouse, "episodes")), len(rows(warehouse, "verdicts"))) == (1, 2)
        assert sum(len(rows(warehouse, table)) for table in JOURNAL_TABLES) == len(fixture.ledger.journal()) > 0
    assert {row["at"] for row in rows(warehouse, "verdicts")} == {START}
    assert [e.id for e in read_events(local_runs.settings.redis_url, "", name, wait_ms=50) if e.run == name] == [
        event.id
    ]
    assert [m for _, _, m in LiveMetrics(local_runs.settings.redis_url).read(name)] == [{"reward": 0.5}]


def test_a_rounds_batches_are_recorded_once_and_summed(
    records: Records, warehouse: Dying, fixture: CampaignFixture
) -> None:
    """One row per batch, a failed one too, one per episode, and the summary is the mean over episodes."""
    amounts = EpisodeAmounts(**{name: (2, 5) for name in EpisodeAmounts.model_fields})
    good = BatchResult(
        index=0, purpose="train", state=EpisodeState.SETTLED, trajectory_digest="t" * 64, episodes=2,
        rewards=(0.0, 1.0), raw_rewards=(-4.0, 1.5), successes=(False, True), gains=(0.1, 0.2), amounts=amounts,
        failures=(EpisodeFailure(episode=0, reason="infinite bid"),), failed_episodes=1, clicks=7,
    )  # fmt: skip
    failed = BatchResult(
        index=1, purpose="train", state=EpisodeState.FAILED, trajectory_digest=None, episodes=0, reason="NaN bid"
    )
    message = RecordBatches(
        context=fixture.campaign.context.model_copy(update={"run": f"{RUN}-{fixture.account}"}), at=START,
        step="simulation/round-0000", purpose="train", number=0, next_checkpoint_digest="d" * 64,
        results=(good, failed),
    )  # fmt: skip
    summary = run(records.record_batches, message)
    assert run(records.record_batches, message) == summary
    assert (summary.episodes, summary.mean_reward, summary.success_rate) == (2, 0.5, 0.5)
    found = sorted(rows(warehouse, "episodes"), key=lambda row: row["episode"])
    assert [(r["state"], r["reason"], r["clicks"]) for r in found] == [
        ("settled", "infinite bid", 7),
        ("failed", "NaN bid", 0),
    ]
    each = sorted(rows(warehouse, "simulated_episodes"), key=lambda row: row["episode"])
    assert [(r["batch"], r["state"], r["reason"]) for r in each] == [
        (found[0]["episode"], "failed", "infinite bid"),
        (found[0]["episode"], "settled", None),
    ]
    assert [(r["reward"], r["ratio"], r["success"], r["gain"]) for r in each] == [
        (0.0, -4.0, False, 0.1),
        (1.0, 1.5, True, 0.2),
    ]
    assert all(
        r[name] == amount for r, amount in zip(each, (2, 5), strict=True) for name in EpisodeAmounts.model_fields
    )


def _result(index: int) -> CampaignResult:
    day = DayReport(
        day=START.date(), impressions=1000, clicks=10, conversions=2, cost_micros=9 * UNIT, served_micros=9 * UNIT,
        revenue_micros=50 * UNIT, final=True, matured=True,
    )  # fmt: skip
    return CampaignResult(
        campaign=f"{RUN}/live-test/campaign-{index:02d}", index=index, product="product-a", arm="candidate",
        state=EpisodeState.SETTLED, days=(day,), spend_micros=9 * UNIT,
    )  # fmt: skip


def test_campaigns_recorded_again_beside_new_ones_are_rows_once(
    records: Records, warehouse: Dying, fixture: CampaignFixture
) -> None:
    """Each later record reads all campaigns that have ended, and repeats none; the sums are of the ledger's days."""
    for index in range(2):
        known = _result(index)
        fixture.ledger.keep_days(fixture.account, known.campaign, known.days, START)

    def message(step: str) -> RecordCampaigns:
        order, context = fixture.campaign.order, fixture.campaign.context
        return RecordCampaigns(context=context, step=step, at=START, request_id=order.request_id)

    claimed = _result(1).model_copy(update={"days": ()})
    fixture.ledger.keep_result(_result(0), START)
    run(records.record_campaigns, message("campaign-01"))
    fixture.ledger.keep_result(claimed, START)
    summary = run(records.record_campaigns, message("campaign-02"))
    found = rows(warehouse, "episodes")
    assert [r["episode"][-2:] for r in sorted(found, key=lambda r: r["episode"])] == ["00", "01"]
    assert {(r["spend_micros"], r["clicks"], r["conversions"]) for r in found} == {(9 * UNIT, 10, 2)}
    assert "campaign-01" in summary.table and summary.stopped == ""
    fixture.stop()
    assert "was stopped" in run(records.record_campaigns, message("end")).stopped
    assert len(rows(warehouse, "episodes")) == 2


# ---------------------------------------------------------------- the ledger's journal


def _export(number: int = 0) -> Record:
    return Record(run=RUN, step=f"export-{number}", at=START, export_journal=True)


def _every_kind(fixture: CampaignFixture) -> None:
    """Entries for each of the three tables."""
    fixture.running()
    fixture.settle(24)
    fixture.ledger.decide(fixture.campaign.order.request_id, "late", None, START)
    fixture.stop()


def _exported(warehouse: Dying) -> list[int]:
    return sorted(row["sequence"] for table in JOURNAL_TABLES for row in rows(warehouse, table))


def _journal(fixture: CampaignFixture) -> tuple[JournalEntry, ...]:
    return fixture.ledger.journal(limit=10_000)


def test_every_entry_lands_once_in_the_table_of_its_kind(
    records: Records, warehouse: Dying, fixture: CampaignFixture
) -> None:
    """Spend, approvals and violations hold every sequence between them, no one twice, as the ledger wrote them."""
    _every_kind(fixture)
    run(records.record, _export(0))
    fixture.ledger.post(f"{RUN}/live-test/campaign-00/day-000", 90 * UNIT, 90 * UNIT, fixture.at(48))
    run(records.record, _export(1))
    run(records.record, _export(2))
    assert _exported(warehouse) == [entry.sequence for entry in _journal(fixture)]
    kinds = {table: {row["kind"] for row in rows(warehouse, table)} for table in JOURNAL_TABLES}
    assert kinds["violations"] == {"violation"}
    assert {"approve", "refuse", "request", "fence"} <= kinds["approvals"]
    assert {"reserve", "claim", "resolve", "post", "account"} <= kinds["spend"]


@pytest.mark.parametrize("when", ["die_before", "die_after"])
@pytest.mark.parametrize("number", [1, 2])
def test_an_export_that_died_between_two_tables_is_completed(
    records: Records, warehouse: Dying, fixture: CampaignFixture, when: str, number: int
) -> None:
    """Whatever was exported before the crash, the next export adds exactly what is missing."""
    _every_kind(fixture)
    setattr(warehouse, when, number)
    with pytest.raises(Crash):
        run(records.record, _export(0))
    fixture.settle(24 + 240, final=True)  # the ledger goes on meanwhile
    run(records.record, _export(0))
    assert _exported(warehouse) == [entry.sequence for entry in _journal(fixture)]


def test_a_shorter_export_of_the_same_range_costs_no_entry(
    records: Records, warehouse: Dying, fixture: CampaignFixture
) -> None:
    """Another process exported less under the same name meanwhile: what it lacks still comes, entry by entry."""
    run(records.record, _export(0))
    append = warehouse.append

    def overtaken(table: str, values: Sequence[Mapping[str, Any]], batch: str) -> int:
        warehouse.append = append  # type: ignore[method-assign]
        append(table, values[:1], batch)  # the other process read the ledger a moment earlier
        new = append(table, values, batch)
        fixture.ledger.decide(fixture.campaign.order.request_id, "later", None, START)  # and the ledger goes on
        fixture.settle(26)
        return new

    fixture.running()
    fixture.settle(24)
    warehouse.append = overtaken  # type: ignore[method-assign,assignment]
    run(records.record, _export(1))
    run(records.record, _export(2))
    assert _exported(warehouse) == [entry.sequence for entry in _journal(fixture)]


def test_an_export_remembers_its_last_sequence(
    records: Records, warehouse: Dying, fixture: CampaignFixture, local_runs: LocalRuns, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The warehouse is asked for it once a process; where another process exported meanwhile, no entry comes twice."""
    settings = local_runs.settings
    events, metrics = open_events(settings.redis_url, ""), LiveMetrics(settings.redis_url)
    other = Records(fixture.inputs, fixture.ledger, warehouse, events, metrics)  # type: ignore[arg-type]
    fixture.running()
    run(records.record, _export(0))
    fixture.settle(24)
    with monkeypatch.context() as unasked:
        unasked.setattr(warehouse, "query", pytest.fail, raising=False)
        run(records.record, _export(1))
    fixture.settle(26)
    run(other.record, _export(2))
    fixture.ledger.decide(fixture.campaign.order.request_id, "late", None, START)
    fixture.settle(28)
    run(records.record, _export(3))
    run(other.record, _export(4))
    assert _exported(warehouse) == [entry.sequence for entry in _journal(fixture)]


def test_a_journal_longer_than_a_chunk_is_exported_whole(
    records: Records, warehouse: Dying, fixture: CampaignFixture
) -> None:
    """Chunk after chunk, nothing between them lost."""
    entries = tuple(
        JournalEntry(
            sequence=number, at=START + timedelta(seconds=number), kind="post", account="a", run=RUN, phase="live-test",
            campaign="c", key="k", amount_micros=1, detail="{}",
        )
        for number in range(1, JOURNAL_CHUNK + 12)
    )  # fmt: skip
    fixture.ledger.journal = (  # type: ignore[method-assign]
        lambda after=0, limit=1000, *, kinds=(), but=(): tuple(
            e for e in entries if e.sequence > after and (e.kind in kinds if kinds else e.kind not in but)
        )[:limit]
    )
    run(records.record, _export(0))
    assert _exported(warehouse) == [entry.sequence for entry in entries]
