"""No message above 256 KiB: the largest of every kind that crosses a boundary is built and measured.

Whatever a workflow or an activity takes or returns is found in the code. A field that holds many things must stand in
MANY with the most of them, or the test says which one is missing. Touch this when a message gains such a field.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import typing
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Literal

import numpy as np
import pytest
from pydantic import BaseModel
from temporalio.contrib.pydantic import pydantic_data_converter

import activities
import worker
from gaelp.domain.batch_groups import MOST_TOGETHER
from gaelp.domain.config import contradictions, message_lengths
from gaelp.domain.config.configuration import TrainingConfiguration
from gaelp.domain.config.curriculum_section import MOST_TASKS
from gaelp.domain.config.market_sections import MOST_SEGMENTS
from gaelp.domain.gates.criteria_table import CRITERIA
from gaelp.domain.log_evidence import Quantity
from gaelp.domain.simple_rules import SIMPLE_RULES
from gaelp.domain.spending.approved_campaigns import CAMPAIGNS_SHOWN
from gaelp.domain.spending.campaign_records import LONGEST_TEXT
from gaelp.domain.temporal_names import Queue
from gaelp.evidence.history.off_policy import TESTED, evaluate_paired
from gaelp.evidence.history.policy_panel import PANEL, WINDOWS
from gaelp.messages.emergency_stop import NAMES_TOLD
from gaelp.messages.episode_batch import LONGEST_REASON, BatchResult
from gaelp.messages.historical_validation import AssessHistorical
from gaelp.messages.phase import PhaseInput, PhaseResult
from gaelp.messages.simulation_training import RoundSummary, SimulationState
from gaelp.messages.spending_phase import CampaignHint, CampaignsEvidence, CampaignStanding, Proceed, SpendingState
from tests.support.known_truth_logs import ITEMS, SEGMENTS, bandit_log
from workflows.approval import LONGEST_PAYLOAD, REFUSALS_SHOWN
from workflows.campaigns.campaign_children import MOST_AT_ONCE, WAITS_SHOWN

LONGEST = 256 * 1024  # bytes
CAMPAIGNS, DAYS = 2 * 1000, contradictions.MOST_DAYS  # as the configuration allows: two arms for each product
# Batches with the block, where there are no rounds.
EXAM = message_lengths.LONGEST_MESSAGE // message_lengths.BATCH_BYTES
ROUNDS = message_lengths.LONGEST_MESSAGE // message_lengths.ROUND_BYTES  # where there is no exam
GAPS = 20 * len(Quantity)  # of 20 logs, none of which has all quantities
NONE_OF_THEM = 0  # the field is empty in what travels, and full in what the content store keeps
MANY: dict[str, int] = {
    "AssessCampaigns.moves": DAYS, "AssessHistorical.logs": 20, "AssessSimulation.exams": EXAM,
    "AssessSimulation.block": NONE_OF_THEM, "AssessSimulation.permuted": NONE_OF_THEM,
    "AssessSimulation.training": NONE_OF_THEM, "BatchResult.anchor_rewards": NONE_OF_THEM,
    "AdvanceCurriculum.examined": EXAM, "AdvanceCurriculum.tasks_of_batches": EXAM,
    "AdvanceCurriculum.trained": NONE_OF_THEM, "CurriculumState.batches": EXAM, "CurriculumState.examined": MOST_TASKS,
    "CurriculumState.promoted": MOST_TASKS, "CurriculumState.standings": MOST_TASKS,
    # Of a market log, which has four estimates and three differences: a test below measures it.
    "PanelEvidence.predicted": 0, "PanelEvidence.actual": 0, "PanelEvidence.windows": 0,
    "BatchResult.rule_rewards": NONE_OF_THEM, "RulesLearned.checkpoints": len(SIMPLE_RULES),
    "SimulateBatches.rule_checkpoints": len(SIMPLE_RULES), "LogEvidence.differences": 3,
    "LogEvidence.gaps": len(Quantity), "Record.gaps": GAPS,
    "PhaseResult.gaps": GAPS // 4,  # only one of a run's four phases has any; a test below takes that one
    "LogEvidence.forecasts": 0,  # of a report, which has no estimates; those of a bandit log are longer
    "ForecastEvidence.actual": DAYS // 7 + 1, "ForecastEvidence.missed": DAYS // 7 + 1,
    "PlannedCurriculum.tasks": MOST_TASKS, "Standing.episodes": 10, "Standing.successes": 10,
    "ApprovalRequest.unvalidated_heads": 4, "ApprovalState.refusals": REFUSALS_SHOWN, "BatchResult.failures": 1,
    "BatchResult.rewards": NONE_OF_THEM, "BatchResult.raw_rewards": NONE_OF_THEM,
    "BatchResult.successes": NONE_OF_THEM, "BatchResult.gains": NONE_OF_THEM, "CampaignPlan.day_minutes": DAYS,
    "CampaignProgress.day_minutes": DAYS, "CampaignProgress.open": NONE_OF_THEM, "CampaignResult.days": DAYS,
    "CampaignStart.day_minutes": DAYS, "CampaignsLook.standings": MOST_AT_ONCE,
    "DayReached.days": DAYS, "DayReport.hourly_cost_micros": 24, "GateVerdict.criteria": len(CRITERIA) + 4 * 20,
    "GateVerdict.heads": 4, "HeldBack.bid_micros": MOST_SEGMENTS, "HistoricalPlan.logs": 20,
    "LearnRound.trajectory_digests": EXAM,
    "LifecycleEvent.detail": 20, "LogEvidence.estimates": 20, "LookAtCampaigns.campaigns": MOST_AT_ONCE,
    "LookAtCampaigns.closing": MOST_AT_ONCE, "Observed.days": DAYS, "Paused.days": DAYS,
    "PlannedCampaigns.campaigns": MOST_AT_ONCE, "Reaped.paused": NAMES_TOLD + 1,
    "Reaped.still_enabled": NAMES_TOLD + 1, "Reaped.trouble": NAMES_TOLD + 2, "Record.episodes": 1, "Record.events": 1,
    "Record.gates": 1, "Record.metrics": 10, "RecordBatches.results": EXAM, "RefusedSignals.last": 5,
    "RunResult.phases": 4, "ScaleBudgets.campaigns": CAMPAIGNS,
    "SimulateBatches.indices": MOST_TOGETHER, "SimulatedBatches.results": MOST_TOGETHER,
    "SimulationState.open": NONE_OF_THEM, "SimulationState.training": ROUNDS, "SpendingState.closing": CAMPAIGNS,
    "SpendingState.hinted": CAMPAIGNS, "SpendingState.moves": DAYS, "SpendingState.open": NONE_OF_THEM,
    "SpendingState.reached": CAMPAIGNS, "SpendingState.settled": CAMPAIGNS, "SpendingState.waits": CAMPAIGNS,
    "StopReport.paused": NAMES_TOLD + 1, "StopReport.pauses_sent": NAMES_TOLD + 1,
    "StopReport.still_enabled": NAMES_TOLD + 1, "StopReport.unresolved_claims": NAMES_TOLD + 1,
    "StopReport.waiting": 500, "WaitingPhases.phases": 500,
}  # fmt: skip
# Of a batch either the reason is given or its failures. Characters of a text that is longer than a name or a digest.
TEXTS: dict[str, int] = {
    "ApprovalCard.text": 6000, "CampaignsSummary.table": (LONGEST_TEXT + 250) * CAMPAIGNS_SHOWN,
    "CampaignEnded.interruption": LONGEST_TEXT, "CampaignEnded.reason": LONGEST_TEXT,
    "CampaignStanding.waits": LONGEST_TEXT, "CriterionVerdict.reason": 500, "EpisodeFailure.reason": LONGEST_REASON,
    "Estimate.estimator": len("non-inferiority"), "Estimate.policy": len("best-creative"),
    "PairedDifference.policy": len("best-creative"), "BatchResult.reason": 0, "Reaped.trouble": LONGEST_TEXT,
    "PhaseStanding.waits": 500 * WAITS_SHOWN,
    "RunStanding.waits": 500 * WAITS_SHOWN, "SubmitDecision.payload": LONGEST_PAYLOAD,
}  # fmt: skip
# Sent by a signal, answered to a query, or kept in the content store.
BESIDES: tuple[type[BaseModel], ...] = (CampaignHint, Proceed, CampaignStanding)
NAME = 90  # characters: RUN/PHASE/campaign-NNNN with the longest name of a run


def _crossing() -> Iterator[type[Any]]:
    """What activities and workflows take and return."""
    for found in pkgutil.walk_packages(activities.__path__, "activities."):
        module = importlib.import_module(found.name)
        for owner in vars(module).values():
            if inspect.isclass(owner) and owner.__module__ == found.name:
                for verb in vars(owner).values():
                    if hasattr(verb, "__temporal_activity_definition"):
                        yield from typing.get_type_hints(verb).values()
    for served in (*worker.served_workflows(Queue.WORKFLOWS), *worker.served_workflows(Queue.STOP)):
        yield from typing.get_type_hints(served.run).values()


MESSAGES = sorted(
    {kind for kind in (*_crossing(), *BESIDES) if inspect.isclass(kind) and issubclass(kind, BaseModel)},
    key=lambda kind: kind.__name__,
)


def _largest(kind: Any, place: str) -> Any:
    """The largest value of a type; `place` is the field that holds it."""
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if kind is TrainingConfiguration:
        return _largest_configuration()
    if inspect.isclass(kind) and issubclass(kind, BaseModel):
        hints = {name: hint for name, hint in typing.get_type_hints(kind).items() if name in kind.model_fields}
        return kind.model_construct(**{n: _largest(hint, f"{kind.__name__}.{n}") for n, hint in hints.items()})
    if origin is tuple and Ellipsis not in inner:
        return tuple(_largest(each, place) for each in inner)
    if place == "PhaseInput.simulation":
        return None  # the phase is of one kind: the other one is measured below
    if place == "RunResult.phases":
        phases = [_largest(inner[0], place) for _ in range(4)]
        return tuple([phases[0], *(_of_few_criteria(phase) for phase in phases[1:])])
    if origin in (tuple, list):
        return tuple(_largest(inner[0], place) for _ in range(_many(place)))
    if origin is dict:
        return _largest_mapping(place, inner)
    if origin is Literal:
        return max(inner, key=len)
    if origin is not None:  # an optional value, or a constrained one
        return _largest(next(each for each in inner if each is not type(None)), place)
    return _largest_value(kind, place)


def _of_few_criteria(phase: Any) -> Any:
    """Only historical validation judges some criteria once for each log."""
    gate = phase.gate.model_copy(update={"criteria": phase.gate.criteria[: len(CRITERIA)]})
    return phase.model_copy(update={"gate": gate})


def _many(place: str) -> int:
    # The tuples of EpisodeAmounts have one number for each episode, and travel empty.
    assert place in MANY or place.startswith("EpisodeAmounts."), f"{place} may hold many: say in MANY how many"
    return MANY.get(place, NONE_OF_THEM)


def _largest_mapping(place: str, inner: tuple[Any, ...]) -> dict[Any, Any]:
    if place == "SpendingState.waits":
        return {number: "w" * LONGEST_TEXT if number < WAITS_SHOWN else "" for number in range(CAMPAIGNS)}
    keys = range(_many(place))
    return {(n if inner[0] is int else f"key-{n}"): _largest(inner[1], place) for n in keys}


def _largest_value(kind: Any, place: str) -> Any:
    if place in ("SpendingState.settled", "SpendingState.hinted", "SpendingState.closing", "ScaleBudgets.campaigns"):
        return CAMPAIGNS
    if place in ("CampaignPlan.day_minutes", "CampaignProgress.day_minutes", "CampaignStart.day_minutes"):
        return 1440
    if place == "SpendingState.reached":
        return DAYS
    if kind is Any or kind is str:
        return "x" * TEXTS.get(place, NAME)
    if inspect.isclass(kind) and issubclass(kind, StrEnum):
        return max(kind, key=len)
    values = {bool: False, int: 10**12, float: -0.12345678901234567, datetime: datetime(2026, 1, 1, 1, 1, 1, 1, UTC)}
    return {**values, date: date(2026, 1, 1), Decimal: Decimal("1000000.00")}[kind]


def _largest_configuration() -> TrainingConfiguration:
    """So long as one may be, whatever makes it so."""
    words = message_lengths.LONGEST_CONFIGURATION - len(TrainingConfiguration().model_dump_json())
    safety = TrainingConfiguration().safety.model_copy(update={"forbidden_keywords": ("x" * words,)})
    return TrainingConfiguration().model_copy(update={"safety": safety})


def _length(message: Any) -> int:
    (payload,) = pydantic_data_converter.payload_converter.to_payloads([message])
    return len(payload.data)


@pytest.mark.parametrize("kind", MESSAGES, ids=lambda kind: kind.__name__)
def test_the_largest_message_of_every_kind_is_below_256_kib(kind: type[BaseModel]) -> None:
    """With 2,000 campaigns of 366 days, and whatever else the configuration allows, at its most."""
    assert 0 < _length(_largest(kind, kind.__name__)) <= LONGEST


def test_a_bandit_log_sends_as_many_estimates_as_are_measured() -> None:
    """The logging policy's, and those of the agent and of two baselines by every estimator, with the agent's leads."""
    log, segment = bandit_log(1, 500)
    alike = np.full((24, SEGMENTS, ITEMS), 1 / ITEMS)
    policies = dict.fromkeys((TESTED, "uniform", "best-creative"), alike)
    estimates, differences = evaluate_paired(log, segment, policies, np.random.default_rng(0))
    assert len(estimates) == MANY["LogEvidence.estimates"] and len(differences) == MANY["LogEvidence.differences"]
    assert max(len(each.estimator) for each in estimates) == TEXTS["Estimate.estimator"]
    assert max(len(each.policy) for each in (*estimates, *differences)) == TEXTS["Estimate.policy"]


def test_the_evidence_of_market_logs_alone_is_below_256_kib(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each has a panel and a forecast, and the estimates of four policies; none has arms."""
    market = {
        "PanelEvidence.predicted": PANEL, "PanelEvidence.actual": PANEL, "PanelEvidence.windows": WINDOWS,
        "LogEvidence.estimates": 4, "LogEvidence.forecasts": 1,
    }  # fmt: skip
    for field, many in market.items():
        monkeypatch.setitem(MANY, field, many)
    evidence = _largest(AssessHistorical, "")
    logs = tuple(log.model_copy(update={"arms": None}) for log in evidence.logs)
    assert _length(evidence.model_copy(update={"logs": logs})) <= LONGEST


def test_the_result_of_the_phase_that_has_all_gaps_is_below_256_kib() -> None:
    """Every quantity of every log that a run may name, in one message."""
    result = _largest(PhaseResult, "")
    assert _length(result.model_copy(update={"gaps": result.gaps * 4})) <= LONGEST


def test_a_phase_of_as_many_rounds_as_there_may_be_continues_as_new() -> None:
    """The summaries of all its rounds travel with it."""
    phase = _largest(PhaseInput, "")
    state = _largest(SimulationState, "")
    assert _length(phase.model_copy(update={"simulation": state, "spending": None})) <= LONGEST


def test_every_entry_of_the_tables_is_a_field_of_a_message() -> None:
    """None is left over from a field that was renamed."""
    found: set[str] = set()
    todo: list[Any] = list(MESSAGES)
    while todo:
        kind = todo.pop()
        if inspect.isclass(kind) and issubclass(kind, BaseModel) and f"{kind.__name__}." not in found:
            found.add(f"{kind.__name__}.")
            found |= {f"{kind.__name__}.{name}" for name in kind.model_fields}
            todo += [field.annotation for field in kind.model_fields.values()]
        todo += typing.get_args(kind)
    assert set(MANY) | set(TEXTS) <= found


def test_a_message_that_carries_endings_would_be_found() -> None:
    """The endings themselves, as the gate's evidence holds them, are far above the limit: they are in the ledger."""
    ending = _largest(next(iter(typing.get_args(CampaignsEvidence.model_fields["campaigns"].annotation))), "")
    evidence = CampaignsEvidence.model_construct(context=None, campaigns=(ending,) * 20, moves=(), stopped="")
    assert _length(evidence) > LONGEST


def test_the_bounds_of_the_configuration_are_those_of_the_messages() -> None:
    """A round's summary and a batch's result take at most what the configuration is refused by."""
    assert _length(_largest(RoundSummary, "")) <= message_lengths.ROUND_BYTES
    assert _length(_largest(BatchResult, "")) <= message_lengths.BATCH_BYTES


def test_what_a_phase_carries_on_grows_by_a_few_bytes_a_campaign() -> None:
    """Its state of 2,000 campaigns that all wait, all signalled and all have reached a day: below 50 bytes for each."""
    state = _largest(SpendingState, "")
    assert _length(state) - _length(state.model_copy(update=dict.fromkeys(_BY_CAMPAIGN, ()))) < 50 * CAMPAIGNS


_BY_CAMPAIGN = ("settled", "hinted", "closing")
