"""RECORDS: the beginning and the end of a run. Touch this to store one more thing with each run."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import date, datetime

from temporalio import activity

from activities.records.senders import check_sender
from gaelp.configuration.loading import canonical
from gaelp.domain.gates.demotion import lost_in_words
from gaelp.domain.gates.verdicts import GateVerdict
from gaelp.domain.phases import GOOD_ENDS, PHASE_ORDER, Outcome, Phase, phases_between
from gaelp.domain.spending.approval_requests import asked_in_a_sentence
from gaelp.domain.start_conditions import account_refusals, no_state_refusal, passed_as_strictly, skip_refusal
from gaelp.ledger.ledger import Ledger
from gaelp.ledger.ledger_errors import UnknownAccount
from gaelp.ledger.stored_records import BegunTerms, KeptVerdict
from gaelp.messages.recording import LifecycleEvent
from gaelp.messages.training_run import BeginRun, EndRun, LookAtRun, RunBegun, RunInput, RunResult, RunStanding
from gaelp.money import rounded_money
from gaelp.records.content_store import ContentStore, CorruptContent, MissingContent, NotADigest
from gaelp.records.earlier_terms import earlier_terms
from gaelp.records.events.lifecycle_events import EventPublisher
from gaelp.records.warehouse.warehouse import Warehouse


class Runs:
    """Configuration and versions go into the store and the warehouse; the account is checked in the ledger."""

    def __init__(
        self,
        ledger: Ledger,
        store: ContentStore,
        warehouse: Warehouse,
        events: EventPublisher,
        code_version: str,
        versions: Mapping[str, str],
    ) -> None:
        self._ledger = ledger
        self._store = store
        self._warehouse = warehouse
        self._events = events
        self._code_version = code_version
        self._versions = json.dumps(dict(versions), sort_keys=True)

    @activity.defn(no_thread_cancel_exception=True)
    def begin_run(self, begin: BeginRun) -> RunBegun:
        """Refuses an unknown account, another currency, a live test out of its bounds, and a mode that may not be."""
        order = begin.order
        reason = self._account_refused(order, begin.started_at.date()) or self._phases_refused(order)
        stored = self._store.put_document(canonical(order.config))
        if stored != order.config_digest:
            reason = reason or f"the configuration's digest is {stored}, not {order.config_digest}: start it again"
        skips = order.config.mode == "strict" and order.from_phase is not PHASE_ORDER[0]
        terms = BegunTerms(order.config.account, order.agent, stored, rests_on_passes=skips)
        reason = reason or self._ledger.begin_run(order.run, terms, begin.started_at).reason
        if reason:
            return RunBegun(accepted=False, reason=reason)
        self._warehouse.append("runs", [self._started(order, begin.started_at)], f"{order.run}/begin")
        self._publish(order.run, "run.started", begin.started_at, {"agent": order.agent})
        return RunBegun(accepted=True, reason="")

    def _started(self, order: RunInput, at: datetime) -> dict[str, object]:
        """The warehouse's row of a run that begins."""
        config = order.config
        return {
            "run": order.run,
            "at": at,
            "event": "started",
            "agent": order.agent,
            "profile": config.profile,
            "mode": config.mode,
            "seed": config.seed,
            "account": config.account,
            "config_digest": order.config_digest,
            "code_version": self._code_version,
            "versions": self._versions,
            "config": config.model_dump_json(),
        }

    def _account_refused(self, order: RunInput, today: date) -> str:
        """Why the run may not use its account; empty where it may."""
        try:
            account = self._ledger.account(order.config.account)
        except UnknownAccount as error:
            return str(error)
        phases = phases_between(order.from_phase, order.until)
        return "; ".join(each.message for each in account_refusals(order.config, account, phases, today))

    def _phases_refused(self, order: RunInput) -> str:
        """Why the run may not go through the phases that it asks for; empty where it may."""
        if not phases_between(order.from_phase, order.until):
            return (
                f"the run is to end with {order.until}, which comes before {order.from_phase}: there is nothing to do"
            )
        if unreadable := self._state_refused(order):
            return unreadable
        if order.from_phase is PHASE_ORDER[0]:
            return ""
        return skip_refusal(order.config, order.from_phase, self._passed(order))

    def _passed(self, order: RunInput) -> frozenset[Phase]:
        """The gates that the agent has passed with the state to begin with, by terms that were no easier."""
        gates = self._ledger.passed_gates(order.agent, order.from_checkpoint or "")
        return passed_as_strictly(order.config, earlier_terms(self._store, gates))

    def _state_refused(self, order: RunInput) -> str:
        """Why the agent state to begin with cannot be had; empty where it can, or none is needed."""
        if not order.from_checkpoint:
            return no_state_refusal(order.from_phase, order.from_checkpoint)
        try:
            self._store.get_arrays(order.from_checkpoint)
        except (NotADigest, MissingContent, CorruptContent) as error:
            return f"the agent state to begin with cannot be read: {error}"
        return ""

    @activity.defn(no_thread_cancel_exception=True)
    def look_at_run(self, look: LookAtRun) -> RunStanding:
        """The same figures as everywhere, because all of them are the ledger's."""
        spend, currency = self._ledger.spent(look.run), self._ledger.account(look.account).currency
        asked = [
            asked_in_a_sentence(stored.request, void=stored.state == "void")
            for stored in self._ledger.undecided_requests(look.run)
        ]
        return RunStanding(spend_micros=spend, spent=rounded_money(spend, currency), asked="; ".join(asked))

    @activity.defn(no_thread_cancel_exception=True)
    def end_run(self, end: EndRun) -> RunResult:
        """The last row and the last event; the spend is the ledger's figure, and so are the gates that were passed."""
        check_sender(end.result.run, f"how {end.result.run} ended")
        result = self._as_kept(end.result)
        self._ledger.end_run(result.run, end.at)
        self._warehouse.append(
            "runs",
            [
                {
                    "run": result.run,
                    "at": end.at,
                    "event": "ended",
                    "config_digest": end.config_digest,
                    "outcome": result.outcome,
                    "reason": result.reason,
                    "checkpoint_digest": result.checkpoint_digest,
                    "spend_micros": result.spend_micros,
                    "code_version": self._code_version,
                }
            ],
            f"{result.run}/end",
        )
        self._publish(result.run, "run.ended", end.at, {"outcome": result.outcome, "reason": result.reason})
        return result

    def _as_kept(self, result: RunResult) -> RunResult:
        """The result by the ledger: no run has gone through a gate whose promoting verdict is not there."""
        spend = self._ledger.spent(result.run)
        kept = {each.phase: each for each in self._ledger.verdicts(result.run)}
        unknown = [
            phase.phase for phase in result.phases
            if phase.gate is not None and phase.gate.promote and not _is_kept(phase.gate, kept.get(phase.phase))
        ]  # fmt: skip
        if not unknown:
            return result.model_copy(update={"spend_micros": spend, **_demoted(result, kept.values())})
        reason = f"the ledger does not know that the gate of {', '.join(unknown)} was passed: nothing is proven"
        return result.model_copy(update={"spend_micros": spend, "outcome": Outcome.INTERRUPTED, "reason": reason})

    def _publish(self, run: str, kind: str, at: datetime, detail: dict[str, object]) -> None:
        self._events.publish([LifecycleEvent(id=f"{run}/{kind}", run=run, kind=kind, at=at, detail=detail)])


def _demoted(result: RunResult, kept: Iterable[KeptVerdict]) -> dict[str, object]:
    """How a run ends that another one has cost a pass while it went on; nothing where none has."""
    lost = [lost_in_words(each.phase, each.lost_to) for each in kept if each.lost_to]
    if not lost or result.outcome not in GOOD_ENDS:
        return {}
    return {"outcome": Outcome.NOT_GRADUATED, "reason": "; ".join(lost)}


def _is_kept(gate: GateVerdict, kept: KeptVerdict | None) -> bool:
    names = ("checkpoint_digest", "evidence_digest", "verdict", "promote")
    return kept is not None and all(getattr(kept, name) == getattr(gate, name) for name in names)
