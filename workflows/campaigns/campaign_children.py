"""The campaigns that a spending phase has started as children: how they start, and how they are brought to their end.

There may be thousands, so the phase names them by their numbers, starts and signals a slice of them at once, and knows
of each only how far it is; what they report is in the ledger. Touch this to change what a phase does about a campaign
that was terminated, or how all of them are ended together.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import timedelta
from typing import Any

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.live.campaigns import Campaigns
    from activities.records.campaign_looks import CampaignLooks
    from activities.records.planning import Planning
    from gaelp.domain.ids import campaign_id
    from gaelp.domain.spending.campaign_records import CampaignPlan
    from gaelp.messages.live_campaign import CampaignOrder, CampaignProgress, LiveCampaignInput, PauseAndSettle
    from gaelp.messages.phase import PhaseInput
    from gaelp.messages.run_context import RunContext
    from gaelp.messages.spending_phase import CampaignHint, CampaignStanding, LookAtCampaigns, ReadPlans, SpendingState
    from workflows.activity_options import PAUSE, RECORDS, named
    from workflows.campaigns.live_campaign import LiveCampaign
    from workflows.details import first_attributes
    from workflows.pause_and_stop import PauseAndStop, cancel_workflow, check_cancelled, signal_workflow
    from workflows.signals import InputRefused

# A campaign that was cancelled pauses and settles by itself; this is how long its phase waits for that.
LONGEST_SETTLING = timedelta(hours=24)
# Of campaigns that an earlier run of the phase started, Temporal does not tell it when they have ended.
LOOK_AGAIN = timedelta(minutes=10)
# One that says that it has ended and is not closed yet, as on a busy machine, is looked at again after this, so often
# at most: anybody can send that signal.
LOOK_SOON = timedelta(seconds=10)
LOOKS_SOON = 6
# Campaigns that are started, signalled or looked at together: Temporal lets 2,000 of each be under way, and a message
# about so many stays far below its limit.
MOST_AT_ONCE = 50
WAITS_SHOWN = 20  # what these wait for is kept in words; of more campaigns it is only known that they wait


class CampaignChildren:
    """Knows the campaigns that this run of the phase has started; how far they are stands in the phase's state."""

    def __init__(
        self, phase: PauseAndStop[SpendingState], context: RunContext, show_waits: Callable[[], Awaitable[None]]
    ) -> None:
        self._phase = phase
        self._context = context
        self._show_waits = show_waits
        self._handles: dict[int, asyncio.Task[Any]] = {}
        self._looks_soon: dict[int, int] = {}  # how often each is still looked at soon, since its signal
        self.terminated: tuple[int, ...] = ()  # ended without a result, as only a terminated workflow does

    def name(self, number: int) -> str:
        """The workflow id of a campaign."""
        return campaign_id(self._context.run, self._context.phase, number)

    # ------------------------------------------------------------ their start

    async def start(self, phase: PhaseInput, number: int) -> None:
        """Start so many of the next campaigns, all at once; the caller starts a slice, and may renew between two."""
        first = self._phase.state.next_campaign
        plans = await self._planned(first, number)
        # They are open before they run, so that signals that come while they are being started are sent to them.
        self._phase.update(next_campaign=first + number)
        await asyncio.gather(*(self._start(self._ordered(phase, plan)) for plan in plans))
        check_cancelled()

    async def _planned(self, first: int, number: int) -> Sequence[CampaignPlan]:
        plan = self._phase.state.plan
        assert plan is not None, "campaigns start after the phase is planned"
        some = await workflow.execute_activity_method(
            Planning.read_plans,
            ReadPlans(plan_digest=plan.plan_digest, first=first, number=number),
            **named(RECORDS, f"read the plan from campaign {first} on"),
        )
        return some.campaigns

    async def _start(self, campaign: LiveCampaignInput) -> None:
        """It is abandoned, so that a phase that continues as new does not terminate it."""
        plan = campaign.order.plan
        self._handles[plan.index] = await workflow.start_child_workflow(
            LiveCampaign.run,
            campaign,
            id=plan.campaign,
            parent_close_policy=workflow.ParentClosePolicy.ABANDON,
            static_summary=f"{plan.arm}: {plan.product} by {plan.agent}",
            search_attributes=first_attributes(self._context.run, self._context.phase),
        )
        if self._phase.state.stopped:
            await signal_workflow(plan.campaign, "stop")
        elif self._phase.state.paused != campaign.progress.paused:
            await signal_workflow(plan.campaign, "pause" if self._phase.state.paused else "resume")

    def _ordered(self, phase: PhaseInput, campaign: CampaignPlan) -> LiveCampaignInput:
        state = self._phase.state
        assert state.plan is not None, "campaigns start after the phase is planned"
        return LiveCampaignInput(
            context=phase.context,
            order=CampaignOrder(
                plan=campaign,
                phase_workflow=workflow.info().workflow_id,
                request_id=state.approval.request_id,
                tick_hours=state.plan.tick_hours,
                time_scale=phase.time_scale,
                maturing_hours=state.plan.maturing_hours,
            ),
            progress=CampaignProgress(
                start=campaign.start,
                day_minutes=campaign.day_minutes,
                until_day=min(state.plan.period_days, campaign.days),
                daily_budget_micros=campaign.daily_budget_micros,
                paused=state.paused,
            ),
        )

    async def signal_all(self, signal: str) -> None:
        """Send a signal on to every campaign that has not ended."""
        await self._in_slices(lambda name: signal_workflow(name, signal))

    async def _in_slices(self, call: Callable[[str], Awaitable[object]]) -> None:
        names = [self.name(number) for number in self.unsettled()]
        for first in range(0, len(names), MOST_AT_ONCE):
            await asyncio.gather(*(call(name) for name in names[first : first + MOST_AT_ONCE]))

    # ------------------------------------------------------------ how far they are

    def hint(self, hint: CampaignHint) -> None:
        """A campaign, or somebody in its name, asks to be looked at."""
        self._hint(self._number(hint))

    def hint_ended(self, hint: CampaignHint) -> None:
        """The same of one that says that it has ended; of those that this run has started, Temporal tells it."""
        number = self._number(hint)
        self._phase.update(closing=_with(self._phase.state.closing, number))
        if number not in self._handles:
            self._looks_soon.pop(number, None)
            self._hint(number)

    def _hint(self, number: int) -> None:
        self._phase.update(hinted=_with(self._phase.state.hinted, number))

    def _number(self, hint: CampaignHint) -> int:
        last = hint.campaign.rsplit("-", 1)[-1]
        number = int(last) if last.isdecimal() and last.isascii() and len(last) < 10 else -1
        if number not in self.unsettled() or self.name(number) != hint.campaign:
            raise InputRefused("it names no open campaign of this phase")
        return number

    def unsettled(self) -> list[int]:
        """The campaigns that were started and of which no ending is known."""
        ended = {*self._phase.state.settled, *self.terminated}
        return [number for number in range(self._phase.state.next_campaign) if number not in ended]

    def all_settled(self) -> bool:
        """Whether every campaign that was started has ended by itself."""
        return len(self._phase.state.settled) == self._phase.state.next_campaign

    async def look_until(self, condition: Callable[[], bool]) -> None:
        """Look at the campaigns whenever there is reason to, until the condition holds."""
        while not condition():
            unknown = tuple(number for number in self.unsettled() if number not in self._handles)
            soon = tuple(number for number in unknown if self._looks_soon.get(number))
            try:
                await workflow.wait_condition(
                    lambda: condition() or bool(self._to_look_at()),
                    timeout=LOOK_SOON if soon else LOOK_AGAIN if unknown else None,
                    timeout_summary="look again at campaigns that an earlier run of this phase started",
                )
            except TimeoutError:
                self._phase.update(hinted=soon or tuple(self.unsettled()), closing=(*self._phase.state.closing, *soon))
            await self._take_all(self._results())
            if not condition() and self._to_look_at():
                await self._look()

    def before_renewal(self) -> None:
        """Take what only this run is told by Temporal; what has ended without a result, the next one must look at."""
        for standing in self._results():
            self.take(standing)
        state = self._phase.state
        ended = [number for number in self.unsettled() if number in state.closing or self._has_ended(number)]
        self._phase.update(hinted=tuple(dict.fromkeys((*state.hinted, *ended))), closing=tuple(ended))

    def _to_look_at(self) -> list[int]:
        hinted = set(self._phase.state.hinted)
        if not hinted and not any(handle.done() for handle in self._handles.values()):
            return []
        return [number for number in self.unsettled() if number in hinted or self._has_ended(number)]

    def _results(self) -> list[CampaignStanding]:
        """Of those that this run has started Temporal gives it the results with their ends."""
        standings = []
        for number in self.unsettled():
            handle = self._handles.get(number)
            if handle is not None and handle.done() and not handle.cancelled() and handle.exception() is None:
                standings.append(CampaignStanding(campaign=self.name(number), closed=True, ended=handle.result()))
        return standings

    async def _take_all(self, standings: Iterable[CampaignStanding]) -> None:
        before = self._phase.state.waits
        for standing in standings:
            self.take(standing)
        if self._phase.state.waits != before:
            await self._show_waits()

    async def _look(self) -> None:
        state, numbers = self._phase.state, self._to_look_at()[:MOST_AT_ONCE]
        closing = tuple(self.name(n) for n in numbers if n in state.closing or self._has_ended(n))
        self._phase.update(
            hinted=tuple(number for number in state.hinted if number not in numbers),
            closing=tuple(number for number in state.closing if number not in numbers),
        )
        campaigns = tuple(self.name(number) for number in numbers)
        look = await workflow.execute_activity_method(
            CampaignLooks.look_at_campaigns,
            LookAtCampaigns(phase_workflow=workflow.info().workflow_id, campaigns=campaigns, closing=closing),
            **named(RECORDS, f"how far {len(numbers)} of the campaigns are"),
        )
        await self._take_all(look.standings)
        for number in self.unsettled():
            if self.name(number) in closing and number not in self._handles:
                self._looks_soon[number] = max(self._looks_soon.get(number, LOOKS_SOON + 1) - 1, 0)

    def _has_ended(self, number: int) -> bool:
        return number in self._handles and self._handles[number].done()

    def take(self, standing: CampaignStanding) -> None:
        """One that is closed and has a result is settled; one that is closed and has none was terminated."""
        state, number = self._phase.state, int(standing.campaign.rsplit("-", 1)[-1])
        self._phase.update(waits=_waits(state.waits, number, "" if standing.closed else standing.waits))
        if standing.closed and standing.ended is not None:
            self._handles.pop(number, None)
            why = standing.ended.interruption
            self._phase.update(
                settled=(*state.settled, number),
                interruption=state.interruption or (f"{standing.campaign}: {why}" if why else ""),
            )
        elif standing.closed:
            self.terminated = (*self.terminated, number)
        elif standing.reached is not None:
            self._phase.update(reached={**state.reached, number: standing.reached})

    # ------------------------------------------------------------ the end

    async def pause_and_settle_all(self, phase: PhaseInput) -> None:
        """Cancel every open campaign and wait until each has paused and settled; terminated ones are paused here."""
        await self._in_slices(cancel_workflow)
        try:
            await asyncio.wait_for(self.look_until(lambda: not self.unsettled()), LONGEST_SETTLING.total_seconds())
        except TimeoutError:
            workflow.logger.warning("%d campaigns had not settled after a day", len(self.unsettled()))
        for number in self.terminated:
            await self._pause_terminated(phase, number)

    async def _pause_terminated(self, phase: PhaseInput, number: int) -> None:
        (plan,) = await self._planned(number, 1)
        campaign = self._ordered(phase, plan)
        await workflow.execute_activity_method(
            Campaigns.pause_and_settle,
            PauseAndSettle(campaign=campaign, at=campaign.progress.start, reason="terminated", final=False),
            **named(PAUSE, f"pause {plan.campaign}, which was terminated"),
        )


def _with(numbers: tuple[int, ...], number: int) -> tuple[int, ...]:
    return numbers if number in numbers else (*numbers, number)


def _waits(before: dict[int, str], number: int, text: str) -> dict[int, str]:
    """What campaigns wait for, with that of one more; the words are kept of a few only."""
    others = {each: words for each, words in before.items() if each != number}
    if not text:
        return others
    room = sum(bool(words) for words in others.values()) < WAITS_SHOWN
    return {**others, number: text if room else ""}
