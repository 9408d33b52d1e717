"""RECORDS: plans phases, reviews a test between two campaigns, and moves budgets, as gaelp.domain decides.

Plans and moves may be long: they are put into the content store, and messages name their digests.

Touch this when such a decision needs one more thing from the ledger.
"""

from __future__ import annotations

import asyncio
import math

from temporalio import activity

from activities.inputs import Inputs
from activities.records.judged_terms import check_terms
from activities.records.senders import check_child
from gaelp.domain.config.configuration import TrainingConfiguration
from gaelp.domain.config.registered_worlds import together
from gaelp.domain.curriculum.task_checks import tasks_of
from gaelp.domain.gates import judging
from gaelp.domain.gates.criteria_simulation import MOST_REPLACED
from gaelp.domain.gates.exam_rules import anchor_for, block_episodes
from gaelp.domain.gates.measurements import Anchor
from gaelp.domain.ids import campaign_id, phase_id
from gaelp.domain.monitoring.ladder import held_of_each
from gaelp.domain.phases import Phase
from gaelp.domain.spending.budget_scaling import move_budgets
from gaelp.domain.spending.campaign_clock import AccountCalendar
from gaelp.domain.spending.campaign_planning import (
    PlanningRequest,
    campaigns_to_approve,
    first_midnight,
    plan_campaigns,
)
from gaelp.domain.spending.campaign_records import CampaignsPlan
from gaelp.domain.spending.ledger_records import AttemptSeries
from gaelp.domain.start_conditions import passed_as_strictly
from gaelp.errors import GaelpError
from gaelp.evidence.phase_halts import why_halted
from gaelp.ledger.booked_evidence import booked
from gaelp.ledger.ledger import Ledger
from gaelp.messages.live_campaign import CampaignStart, StartOf
from gaelp.messages.simulation_training import BeginExam, ExamTerms, PlanSimulation, SimulationPlan
from gaelp.messages.spending_phase import (
    BudgetDecision,
    BudgetMoves,
    PhasePlan,
    PlanCampaigns,
    PlannedCampaigns,
    ReadPlans,
    Review,
    ReviewCampaigns,
    ScaleBudgets,
)
from gaelp.records.earlier_terms import earlier_terms


class NotReported(GaelpError):
    """A campaign has not reported yet what a decision needs: trying again will help."""


class Planning:
    """Reads configuration and ledger; written are the attempt's number and the list of campaigns to be approved."""

    def __init__(self, ledger: Ledger, inputs: Inputs) -> None:
        self._ledger = ledger
        self._inputs = inputs

    @activity.defn(no_thread_cancel_exception=True)
    def plan_simulation(self, plan: PlanSimulation) -> SimulationPlan:
        """Sizes from the configuration."""
        config = self._inputs.config(plan.config_digest)
        simulation = config.simulation
        return SimulationPlan(
            rounds=simulation.rounds,
            batches_per_round=simulation.batches_per_round,
            exam_batches=simulation.exam_batches,
            exam_looks=simulation.exam_looks,
            failed_batches=simulation.failed_batches,
            failed_episodes=simulation.failed_episodes,
            task_exam_batches=config.curriculum.exam_batches if tasks_of(config) else 0,
        )

    @activity.defn
    async def begin_exam(self, exam: BeginExam) -> ExamTerms:
        """The attempt from the ledger; a run's exam is one attempt, however often this is retried."""
        run = exam.context.run
        await check_child(phase_id(run, Phase.SIMULATION), run, f"the exam of {run}")
        return await asyncio.to_thread(self._begin_exam, exam)

    def _begin_exam(self, exam: BeginExam) -> ExamTerms:
        context, entry = exam.context, exam.entry_checkpoint_digest
        check_terms(self._ledger, context)
        config = self._inputs.config(context.config_digest)
        gate = Phase.SIMULATION
        series = AttemptSeries(account=context.account, product=config.product, agent=context.agent, gate=gate)
        attempt = self._ledger.next_attempt(series, f"{context.run}/{gate}")
        anchor = anchor_for(
            entered_trained=exam.entered_trained,
            entry_graduated=exam.entered_trained and gate in self._passed(context.agent, entry, config),
            learned=entry != context.checkpoint_digest,
        )
        episodes = block_episodes(config.simulation.consistency_episodes, judging.alpha_for(attempt))
        per_batch = config.simulation.campaigns_per_batch // together(config)
        return ExamTerms(
            attempt=attempt,
            anchor=anchor,
            anchor_checkpoint_digest="" if anchor is Anchor.INCUMBENT else entry,
            block_episodes=episodes,
            block_batches=math.ceil(episodes * (1 + MOST_REPLACED) / per_batch),
        )

    def _passed(self, agent: str, checkpoint: str, config: TrainingConfiguration) -> frozenset[Phase]:
        """The gates that the agent has passed with this state, by terms that were no easier."""
        gates = self._ledger.passed_gates(agent, checkpoint)
        return passed_as_strictly(config, earlier_terms(self._inputs.store, gates))

    @activity.defn(no_thread_cancel_exception=True)
    def plan_campaigns(self, plan: PlanCampaigns) -> PhasePlan:
        """The campaigns of a spending phase; the list of what a person is asked to approve is kept in the ledger."""
        run, phase = plan.context.run, plan.context.phase
        config = self._inputs.config(plan.context.config_digest)
        account = self._ledger.account(plan.context.account)
        taken = [r.day for r in self._ledger.reservations(account.account) if (r.run, r.phase) != (run, phase)]
        last_day_taken = max(taken, default=None)
        request = PlanningRequest(run, phase, plan.context.agent, config, account, plan.now, last_day_taken)
        planned = plan_campaigns(request)
        candidates = self._inputs.market(plan.context.market_digest).ctr.shape[1]
        digest = self._ledger.keep_campaigns(campaigns_to_approve(planned, request, candidates))
        return self._kept(planned.model_copy(update={"campaigns_digest": digest}))

    def _kept(self, plan: CampaignsPlan) -> PhasePlan:
        """Keep the whole plan; what the phase holds of it."""
        shared = PhasePlan.model_fields.keys() & (CampaignsPlan.model_fields.keys() - {"campaigns"})
        return PhasePlan(
            plan_digest=self._inputs.store.put_document(plan),
            campaigns=len(plan.campaigns),
            days=max(campaign.days for campaign in plan.campaigns),
            **{name: getattr(plan, name) for name in shared},
        )

    @activity.defn(no_thread_cancel_exception=True)
    def read_plans(self, read: ReadPlans) -> PlannedCampaigns:
        """Some of the campaigns of a plan, which a phase starts next."""
        campaigns = self._inputs.plan(read.plan_digest).campaigns
        return PlannedCampaigns(campaigns=campaigns[read.first : read.first + read.number])

    @activity.defn(no_thread_cancel_exception=True)
    def start_of(self, campaign: StartOf) -> CampaignStart:
        """The next midnight of the account, or the configured start where that is still to come."""
        config = self._inputs.config(campaign.context.config_digest)
        now = max(campaign.now, config.clock.start) if config.clock.start else campaign.now
        later = config.model_copy(update={"clock": config.clock.model_copy(update={"start": None})})
        account = self._ledger.account(campaign.context.account)
        start = first_midnight(later, account, now)
        calendar = AccountCalendar(account.timezone)
        return CampaignStart(start=start, day_minutes=calendar.day_minutes(calendar.day_of(start), campaign.days))

    @activity.defn(no_thread_cancel_exception=True)
    def review_campaigns(self, review: ReviewCampaigns) -> Review:
        """Stops a test that lost too much or cannot reach its ROI any more, or whose campaign was broken off."""
        config = self._inputs.config(review.context.config_digest)
        context = review.context
        reservations = self._ledger.reservations(context.account, context.run)
        began = {each.campaign for each in reservations}  # whatever is told of the others
        results = self._ledger.campaign_results(phase_id(context.run, context.phase))
        ended = [each for each in results if each.campaign in began]
        campaigns, _ = booked(ended, reservations, self._ledger.reported_days(context.run), config.currency)
        halted = why_halted(campaigns, config)
        return Review(go_on=not halted, reason=halted)

    @activity.defn(no_thread_cancel_exception=True)
    def scale_budgets(self, scale: ScaleBudgets) -> BudgetDecision:
        """The next budgets, within what was approved; raises NotReported while a campaign has not reported its days."""
        context = scale.context
        config, account = self._inputs.config(context.config_digest), self._ledger.account(context.account)
        wanted = {campaign_id(context.run, context.phase, number) for number in scale.campaigns}
        reported = self._ledger.days_reached(phase_id(context.run, context.phase))
        reached = tuple(each for each in reported if each.campaign in wanted and each.day >= scale.day)
        if missing := sorted(wanted - {each.campaign for each in reached}):
            raise NotReported(f"{missing[0]} has not reported the end of its day {scale.day} to the ledger")
        plans = self._inputs.plan(scale.plan.plan_digest).campaigns
        held = held_of_each(self._ledger.steps_of_run(context.run))
        moves = move_budgets(plans, reached, config, account.platform, scale.plan.daily_cap_micros, held)
        return BudgetDecision(moves_digest=self._inputs.store.put_document(BudgetMoves(moves=moves)))
