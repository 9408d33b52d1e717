"""RECORDS: writes rows into the warehouse, publishes events, sends live metrics. Each fact is written once, however
often an activity is retried. Touch this to write down another column or event.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime

from temporalio import activity

from activities.inputs import Inputs
from gaelp.domain.episodes import BatchPurpose, EpisodeState
from gaelp.domain.gates.verdicts import GateVerdict
from gaelp.domain.ids import FIRST_BATCH, batch_id, phase_id
from gaelp.domain.phases import Phase
from gaelp.domain.spending.approved_campaigns import CAMPAIGNS_SHOWN
from gaelp.domain.spending.campaign_records import LONGEST_TEXT, CampaignResult
from gaelp.evidence.profit import contribution_share, matured_days, roi
from gaelp.ledger.booked_evidence import interruption_of, others_doing, with_reported_days
from gaelp.ledger.ledger import Ledger
from gaelp.messages.episode_batch import BatchResult
from gaelp.messages.recording import EpisodeRecord, Record, RecordBatches
from gaelp.messages.run_context import RunContext
from gaelp.messages.simulation_training import RoundSummary
from gaelp.messages.spending_phase import CampaignsSummary, RecordCampaigns
from gaelp.money import rounded_money
from gaelp.records.events.lifecycle_events import EventPublisher
from gaelp.records.events.live_metrics import LiveMetrics
from gaelp.records.warehouse.warehouse import Warehouse

# The ledger's journal in the warehouse: `spend` takes every kind that the other two do not.
JOURNAL_TABLES: dict[str, tuple[str, ...]] = {
    "violations": ("violation", "violation-resolved"),
    "approvals": ("approve", "reject", "refuse", "refuse-signal", "request", "withdraw", "fence"),
    "spend": (),
}
JOURNAL_CHUNK = 5000


class Records:
    """Rows are keyed by run and step, events by id, metrics by step."""

    def __init__(
        self, inputs: Inputs, ledger: Ledger, warehouse: Warehouse, events: EventPublisher, live_metrics: LiveMetrics
    ) -> None:
        self._inputs = inputs
        self._ledger = ledger
        self._warehouse = warehouse
        self._events = events
        self._live = live_metrics
        self._exported: dict[str, int] = {}  # by table: the last sequence number that it holds for certain

    @activity.defn(no_thread_cancel_exception=True)
    def record(self, record: Record) -> None:
        """Rows of episodes, verdicts and gaps, events, live metrics, and the ledger's journal since the last export."""
        batch = f"{record.run}/{record.step}"
        self._episodes(record.episodes, batch)
        for gate in record.gates:
            values = _verdict_rows(record.run, gate, record.at)
            self._warehouse.append("verdicts", values, f"{batch}/{gate.phase}")
        if record.gaps:
            rows = [{"run": record.run, "at": record.at, **gap.model_dump()} for gap in record.gaps]
            self._warehouse.append("gaps", rows, batch)
        if record.export_journal:
            self._export_journal()
        if record.events:
            self._events.publish(record.events)
        if record.metrics:
            self._live.write(record.run, record.step, record.metrics)

    @activity.defn(no_thread_cancel_exception=True)
    def record_batches(self, record: RecordBatches) -> RoundSummary:
        """A round's or a look's batches, a row each and a row per episode; their summary comes back."""
        results = [self._inputs.whole(result) for result in record.results]
        run = record.context.run
        batch = f"{run}/{record.step}"
        self._episodes([_batch_record(record, result) for result in results], batch)
        rows = [row for result in results for row in _episode_rows(record, result)]
        self._warehouse.append("simulated_episodes", rows, batch)
        rewards = [r for result in results for r in result.rewards]
        successes = [s for result in results for s in result.successes]
        summary = RoundSummary(
            round=record.number,
            episodes=sum(result.episodes for result in record.results),
            mean_reward=sum(rewards) / len(rewards) if rewards else 0.0,
            success_rate=sum(successes) / len(successes) if successes else 0.0,
            checkpoint_digest=record.next_checkpoint_digest,
        )
        metrics = {
            "round": float(summary.round),
            "reward": summary.mean_reward,
            "success_rate": summary.success_rate,
            "episodes": float(summary.episodes),
        }
        if record.purpose not in (BatchPurpose.PERMUTED, BatchPurpose.MASTERY):  # those are other markets' rewards
            self._live.write(run, record.step, metrics)
        return summary

    @activity.defn(no_thread_cancel_exception=True)
    def record_campaigns(self, record: RecordCampaigns) -> CampaignsSummary:
        """One row for each campaign that has ended, by the ledger; later records repeat none."""
        context = record.context
        results = self._ledger.campaign_results(phase_id(context.run, context.phase))
        ended = with_reported_days(results, self._ledger.reported_days(context.run))
        written = self._written(context)
        rows = [self._campaign_record(record, each) for each in ended if each.campaign not in written]
        self._episodes(rows, f"{context.run}/{context.phase}/{record.step}/{len(written):05d}")
        spend = self._ledger.spent(context.run, context.phase)
        self._export_journal()
        figures = {"campaigns": float(len(ended)), "spend": spend / 1e6}
        self._live.write(context.run, f"{context.phase}/{record.step}", figures)
        account = self._ledger.account(context.account)
        approved = self._ledger.request(record.request_id).request.fence if record.request_id else account.fence
        going_on = self._ledger.judge_run(context.run)
        stopped = "" if account.fence == approved else self._why_stopped(account.account)
        stopped = stopped if going_on.granted else going_on.reason
        table = _table(ended, spend, account.currency)
        interrupted = others_doing(self._ledger.violations(context.run)) or interruption_of(ended)
        return CampaignsSummary(spend_micros=spend, table=table, stopped=stopped, interrupted=interrupted)

    def _written(self, context: RunContext) -> set[str]:
        """The campaigns of the phase that the warehouse has a row of."""
        sql = "SELECT episode FROM episodes WHERE run = @run AND phase = @phase"
        found = self._warehouse.query(sql, {"run": context.run, "phase": context.phase})
        return {row["episode"] for row in found}

    def _why_stopped(self, account: str) -> str:
        fences = [e for e in self._ledger.journal(limit=JOURNAL_CHUNK, kinds=("fence",)) if e.account == account]
        reason = json.loads(fences[-1].detail).get("reason", "") if fences else ""
        return f"account {account} was stopped: {reason}" if reason else f"account {account} was stopped"

    def _campaign_record(self, record: RecordCampaigns, campaign: CampaignResult) -> EpisodeRecord:
        config = self._inputs.config(record.context.config_digest)
        days = matured_days([campaign], contribution_share(config))
        return EpisodeRecord(
            run=record.context.run,
            phase=record.context.phase,
            episode=campaign.campaign,
            state=campaign.state,
            agent=f"{campaign.arm}: {campaign.product}",
            checkpoint_digest=record.context.checkpoint_digest,
            at=record.at,
            profit_micros=int(days.profit.sum()),
            spend_micros=campaign.spend_micros,
            impressions=sum(d.impressions for d in campaign.days),
            clicks=sum(d.clicks for d in campaign.days),
            conversions=sum(d.conversions for d in campaign.days),
            roi=roi(days),
            reason=campaign.reason,
        )

    def _episodes(self, episodes: Sequence[EpisodeRecord], batch: str) -> None:
        if episodes:
            self._warehouse.append("episodes", [e.model_dump() for e in episodes], batch)

    def _export_journal(self) -> None:
        for table in JOURNAL_TABLES:
            self._export_table(table)

    def _export_table(self, table: str) -> None:
        """By range of sequence numbers, from the last one that the table holds.

        The batch is named by its first number: of a repeated or a concurrent export of the same range one stands,
        and whatever it lacks is after its last number and comes next. So the end of any batch that stands is a right
        place to go on from, also where others have gone on since: it is remembered, and asked for only where another
        export was faster.
        """
        last = self._exported[table] if table in self._exported else self._last_exported(table)
        kinds = JOURNAL_TABLES[table]
        others = () if kinds else tuple(kind for each in JOURNAL_TABLES.values() for kind in each)
        while entries := self._ledger.journal(last, JOURNAL_CHUNK, kinds=kinds, but=others):
            values = [entry.model_dump() for entry in entries]
            new = self._warehouse.append(table, values, f"journal-{table}-{last + 1:012d}")
            # The batch that stands may be another's and shorter, and what it lacks must not be skipped.
            before, last = last, entries[-1].sequence if new else self._last_exported(table)
            if last == before:
                break
        self._exported[table] = last

    def _last_exported(self, table: str) -> int:
        rows = self._warehouse.query(f"SELECT MAX(sequence) AS last FROM {table}")  # noqa: S608 - a table of ours
        return int(rows[0]["last"] or 0)


def _batch_record(record: RecordBatches, result: BatchResult) -> EpisodeRecord:
    rewards = result.rewards
    return EpisodeRecord(
        run=record.context.run,
        phase=Phase.SIMULATION,
        episode=_batch_name(record, result),
        state=result.state,
        agent=record.context.agent,
        checkpoint_digest=record.context.checkpoint_digest,
        at=record.at,
        episodes=result.episodes,
        reward=sum(rewards) / len(rewards) if rewards else None,
        profit_micros=result.expected_profit_micros,
        spend_micros=result.spend_micros,
        impressions=result.impressions,
        clicks=result.clicks,
        conversions=result.conversions,
        roi=result.expected_profit_micros / result.spend_micros if result.spend_micros else None,
        regret=1 - result.expected_profit_micros / result.optimum_micros if result.optimum_micros else None,
        reason=result.reason or "; ".join(failure.reason for failure in result.failures[:3]),
        attributed_profit_micros=result.attributed_profit_micros,
        optimum_micros=result.optimum_micros,
        **result.regret.model_dump(),
        failures=result.failed_episodes,
        purpose=result.purpose,
    )


def _batch_name(record: RecordBatches, result: BatchResult) -> str:
    return batch_id(record.context.run, Phase.SIMULATION, FIRST_BATCH[result.purpose] + result.index)


def _episode_rows(record: RecordBatches, result: BatchResult) -> list[dict[str, object]]:
    shared = {
        "run": record.context.run,
        "at": record.at,
        "phase": Phase.SIMULATION,
        "batch": _batch_name(record, result),
        "purpose": result.purpose,
        "agent": record.context.agent,
        "checkpoint_digest": record.context.checkpoint_digest,
    }
    reasons = {failure.episode: failure.reason for failure in result.failures}
    each = zip(result.amounts.rows(), result.rewards, result.raw_rewards, result.successes, result.gains, strict=True)
    return [
        {
            **shared,
            "episode": number,
            "state": EpisodeState.FAILED if number in reasons else EpisodeState.SETTLED,
            "reason": reasons.get(number),
            "reward": reward,
            "ratio": ratio,
            "success": success,
            "gain": gain,
            "roi": amounts["expected_profit_micros"] / amounts["spend_micros"] if amounts["spend_micros"] else None,
            **amounts,
        }
        for number, (amounts, reward, ratio, success, gain) in enumerate(each)
    ]


def _verdict_rows(run: str, gate: GateVerdict, at: datetime) -> list[dict[str, object]]:
    shared = gate.model_dump(exclude={"criteria", "heads", "reason"})
    return [
        {
            "run": run,
            "at": at,
            **shared,
            "criterion": c.id,
            "criterion_verdict": c.verdict,
            **c.model_dump(exclude={"id", "verdict"}),
        }
        for c in gate.criteria
    ]


def _table(campaigns: Sequence[CampaignResult], spend: int, currency: str) -> str:
    listed = [campaign for campaign in campaigns if campaign.state is not EpisodeState.PLANNED]
    rows = [
        f"| {c.campaign.rsplit('/', 1)[-1]} | {c.arm} | {c.product} | {c.state} | "
        f"{rounded_money(c.spend_micros, currency)} | {sum(d.conversions for d in c.days):,.10g} | "
        f"{c.reason[:LONGEST_TEXT]} |"
        for c in listed[-CAMPAIGNS_SHOWN:]
    ]
    others = len(listed) - len(rows)
    more = f"{others} campaigns before these are in the ledger and in the warehouse\n\n" if others else ""
    head = "| campaign | arm | product | state | spent | conversions | reason |\n|---|---|---|---|---|---|---|"
    return f"{rounded_money(spend, currency)} spent\n\n{more}{head}\n" + "\n".join(rows)
