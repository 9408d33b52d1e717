"""What must hold in every sequence, each with its sentence, and where it is checked.

`after_step` looks only at what has changed since the last step. Touch this to ask more of a sequence.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any

from gaelp.domain.episodes import EpisodeState
from gaelp.domain.ids import DUPLICATE_MARK
from gaelp.domain.spending.campaign_records import CampaignResult
from gaelp.domain.spending.outside_changes import outside_changes
from gaelp.ledger import booked_evidence
from gaelp.ledger.stored_records import Reservation
from gaelp.messages.emergency_stop import StopReport
from gaelp.messages.reaper import Reaped
from tests.hostile.direct_calls import DirectCalls
from tests.hostile.dying_ledger import DyingLedger
from tests.hostile.hostile_platform import LAWFUL, SLOWEST_ANSWER, HostileCampaign, HostilePlatform
from tests.hostile.phase_reader import MADE_UP_MICROS, PhaseReader
from tests.hostile.virtual_host import DrivenCampaign

ACCOUNT, RUN = "acme", "run-a"
MOST_BY_STEPS = LAWFUL * 30_000_000  # micros: one step of 20 % above a budget of 25 units
# Of a stop whose platform answers everything, as late as it may: docs/money.md promises both.
PAUSED_WITHIN = timedelta(seconds=1 + SLOWEST_ANSWER + 0.5)
STOPPED_WITHIN = timedelta(seconds=30)
STOP_ENDS_WITHIN = timedelta(seconds=120)  # whatever the platform does


class Invariant(StrEnum):
    """Its sentence."""

    # While the platform keeps its rules and nobody edits by hand:
    COUNTED = "what can still be billed on a day is at most what the ledger counts for it"
    RESERVED = "nothing is enabled without an open reservation"
    STEP = "no day is reserved for more than one step above the first period"
    CREATED_ONCE = "no campaign is created twice"
    BUDGET_ONCE = "no budget is written twice for one intent"
    NO_FAILURE = "no campaign fails, whatever errs, is late, dies or is away"
    # Always:
    NOT_BELOW = "nothing is settled below what was seen"
    SIGNED = "nothing is reserved that was not signed"
    PAUSED_NEXT = "what is read as enabled and must not be is paused next"
    TICK = "where every call is answered, what must be paused does not deliver for longer than a tick"
    COVERED = "after a look of the reaper nothing is enabled without an open reservation under an approval that stands"
    COMPARED = "after a look of the reaper nothing is enabled with a higher budget or a later end than we wrote"
    SEEN = "what a report has shown as billed is counted"
    ALARMED = "what was billed beyond its reservation, or is reported as less than before, is a violation"
    STOPPED = "a stop that says stopped leaves nothing enabled that can be read"
    STOP_IN_TIME = "a stop pauses and ends within its time"
    ENDED = "the phase takes for ended only what has ended, with the result that it ended with"
    EVIDENCE = "the gate is given no day for less than it cost by the ledger, or is told of it"
    TOTALS = "every running total is the sum of its reservations"
    EXPLAINED = "a campaign that fails says what interrupted it"
    LEFT = "nothing is left enabled; where the platform was away until the lease was over, nothing that delivers"


class Broken(BaseException):
    """An invariant does not hold. No Exception, because a campaign's life takes any of those for its own failure."""

    def __init__(self, invariant: Invariant, what: str) -> None:
        super().__init__(f"{what} (broken: {invariant})")
        self.invariant, self.what = invariant, what


def require(holds: bool, invariant: Invariant, what: str) -> None:
    """Raise Broken where it does not hold."""
    if not holds:
        raise Broken(invariant, what)


class Invariants:
    """Checks one sequence. It looks at what is true on the platform, which no reading need show."""

    def __init__(
        self,
        ledger: DyingLedger,
        platform: HostilePlatform,
        campaigns: Mapping[str, DrivenCampaign[DirectCalls]],
        phase: PhaseReader,
        signed: Sequence[str],
    ) -> None:
        self._ledger, self._platform, self._campaigns, self._phase = ledger, platform, campaigns, phase
        self._signed = signed
        self._nature = platform.nature
        self._booked = -1
        self._days: dict[tuple[str, date], Reservation] = {}
        self._fence = 0
        self._checked: tuple[Any, ...] = ()
        self._unwanted_since: dict[str, datetime] = {}

    # ------------------------------------------------------------ after every step

    def after_step(self) -> None:
        """After every call of the platform, every change of the ledger and every turn of a campaign."""
        if self._ledger.booked != self._booked:
            self._read_books()
        clock = self._platform.clock
        state = (self._booked, self._platform.version, self._platform.place.day_of(clock.now))
        if state == self._checked or not self._nature.lawful:
            return
        self._checked = state
        for campaign in self._platform.all.values():
            self._billable_is_counted(campaign)
        for name, made in self._platform.creates.items():
            require(made <= 1, Invariant.CREATED_ONCE, f"{name} was made {made} times")
        for platform_id, writes in self._platform.budgets.items():
            twice = len(writes) > 1 and writes[-2].answered and writes[-1].at == writes[-2].at
            require(not twice, Invariant.BUDGET_ONCE, f"the budget of {platform_id} was written again")

    def after_turn(self, tick: timedelta) -> None:
        """After a campaign's turn: what it has read as enabled it pauses next, and within a tick."""
        for name, campaign in self._campaigns.items():
            heard = campaign.calls.heard
            if len(heard) > 1 and heard[-2].unwanted:
                require(heard[-1].pause, Invariant.PAUSED_NEXT, f"{name} was read and not paused")
            del heard[:-2]
            self._paused_within(name, campaign, tick)

    def _read_books(self) -> None:
        self._booked = self._ledger.booked
        reservations = self._ledger.reservations(ACCOUNT)
        self._fence = self._ledger.fence(ACCOUNT)
        self._days = {(r.campaign, r.day): r for r in reservations}
        for reservation in reservations:
            # Another campaign of our name was found, and is counted; nothing of it is ever reserved.
            found = DUPLICATE_MARK in reservation.campaign and reservation.state != "open"
            require(found or reservation.campaign in self._signed, Invariant.SIGNED, reservation.key)
            within = reservation.worst_case_micros <= MOST_BY_STEPS or not self._nature.lawful
            require(within, Invariant.STEP, f"{reservation.key} has {reservation.worst_case_micros}")
            final, seen = reservation.final_micros, reservation.billed_micros
            below = final is not None and final < seen
            require(not below, Invariant.NOT_BELOW, f"{reservation.key} is settled at {final}, {seen} was seen")

    def _everything(self) -> list[HostileCampaign]:
        return [*self._platform.all.values(), *self._platform.lost.values()]

    def _billable_is_counted(self, campaign: HostileCampaign) -> None:
        """What was served, and what may still be served with the settings in force, is counted for its own day."""
        state, now = campaign.state, self._platform.clock.now
        worst = {day: truth.served for day, truth in campaign.days.items()}
        place = self._platform.place
        delivers, day = campaign.delivers(now), place.day_of(now)
        while delivers and place.begins(day) < state.end_at:
            highest = max(campaign.days[day].highest_budget if day in campaign.days else 0, state.daily_budget_micros)
            worst[day] = max(worst.get(day, 0), LAWFUL * highest)
            day += timedelta(days=1)
        name = _our_name(campaign)
        for day, micros in worst.items():
            reservation = self._days.get((name, day))
            counted = 0 if reservation is None else reservation.counted_micros
            what = f"{name} can bill {micros} on {day} and the ledger counts {counted}"
            require(micros <= counted, Invariant.COUNTED, what)
        if delivers:
            require(self._open_today(name), Invariant.RESERVED, name)

    def _open_today(self, name: str) -> bool:
        day = self._platform.place.day_of(self._platform.clock.now)
        today = self._days.get((name, day))
        return today is not None and today.state != "settled"

    def _paused_within(self, name: str, campaign: DrivenCampaign[DirectCalls], tick: timedelta) -> None:
        resting, now = campaign.state.paused or campaign.state.stage is EpisodeState.MATURING, self._platform.clock.now
        delivers = resting and any(c.delivers(now) for c in self._platform.all.values() if _our_name(c) == name)
        if not (delivers and self._nature.answers):
            self._unwanted_since.pop(name, None)
            return
        since = self._unwanted_since.setdefault(name, now)
        what = f"{name} delivers since {since:%m-%d %H:%M} although it must be paused"
        require(now - since <= tick + timedelta(hours=2), Invariant.TICK, what)

    # ------------------------------------------------------------ a stop, and the reaper

    def uncovered(self) -> list[str]:
        """What is enabled without an open reservation under an approval that stands, and can be known as ours."""
        if self._ledger.booked != self._booked:
            self._read_books()
        bare = [
            campaign.state
            for campaign in self._platform.all.values()
            if campaign.state.enabled and self._readable(campaign) and not self._covered(_our_name(campaign))
        ]
        ours = self._ours() if bare else set()
        return [
            _without_rename(state.external_name) for state in bare if ours & {state.platform_id, state.external_name}
        ]

    def _ours(self) -> set[str]:
        """Platform ids and names by which a campaign can be known as ours; one that has neither is unknown."""
        created = self._ledger.created_campaigns(ACCOUNT, True)
        return {each.platform_id for each in created} | {each.campaign for each in created}

    def raised(self) -> list[str]:
        """What is enabled with more than the ledger remembers that we wrote, while a day of it is not settled."""
        if self._nature.lawful:
            return []
        delivering = [
            campaign.state
            for campaign in self._platform.all.values()
            if campaign.state.enabled and self._readable(campaign) and self._unsettled(_our_name(campaign))
        ]
        names, ours = [], self._ours() if delivering else set()
        for state in delivering:
            name = _without_rename(state.external_name)
            written = self._ledger.written_settings(name) if ours & {state.platform_id, state.external_name} else ()
            changes = outside_changes(written, state, "USD") if written else ()
            names += [name] if any(change.raises for change in changes) else []
        return names

    def _unsettled(self, name: str) -> bool:
        return any(each.state != "settled" for (campaign, _), each in self._days.items() if campaign == name)

    def _covered(self, name: str) -> bool:
        days = [reservation for (campaign, _), reservation in self._days.items() if campaign == name]
        return self._fence == 0 and any(day.state == "open" for day in days)

    def _readable(self, campaign: HostileCampaign) -> bool:
        now = self._platform.clock.now
        return now >= campaign.hidden_until and now >= campaign.shown_until

    def after_reaper(self, reaped: Reaped, before: Sequence[str], raised: Sequence[str]) -> None:
        """A look that had no trouble has paused whatever could be read as not covered, or as raised, before it."""
        if not (reaped.trouble or reaped.still_enabled):
            left = set(self.uncovered()) & set(before)
            require(not left, Invariant.COVERED, f"{left} are enabled")
            left = set(self.raised()) & set(raised)
            require(not left, Invariant.COMPARED, f"{left} go on with what somebody gave them")

    def after_stop(self, report: StopReport, begun: datetime, paused_at: Mapping[str, datetime]) -> None:
        """What a stop says is so, and it has not taken longer than it may."""
        took = self._platform.clock.now - begun
        platform = self._platform
        enabled = [c for c in platform.all.values() if c.state.enabled and platform.restored_in <= platform.listed_in]
        readable = [c.state.external_name for c in enabled if self._readable(c)]
        require(not (report.stopped and readable), Invariant.STOPPED, f"{readable} are enabled")
        require(took <= STOP_ENDS_WITHIN, Invariant.STOP_IN_TIME, f"it took {took.total_seconds():.1f} s")
        if self._nature.answers:
            require(report.stopped, Invariant.STOPPED, report.reason)
            require(took <= STOPPED_WITHIN, Invariant.STOP_IN_TIME, f"it took {took.total_seconds():.1f} s")
            for name, at in paused_at.items():
                late = (at - begun).total_seconds()
                require(at - begun <= PAUSED_WITHIN, Invariant.STOP_IN_TIME, f"{name} was paused after {late:.1f} s")

    # ------------------------------------------------------------ the phase

    def of_phase(self, invented: Sequence[CampaignResult]) -> None:
        """What the phase believes is so, and its gate is told where a result is not what the ledger knows."""
        for name, result in self._phase.settled.items():
            true = self._campaigns[name].result
            require(result == true, Invariant.ENDED, f"{name} is taken for ended, as nobody ended it")
        reservations = self._ledger.reservations(ACCOUNT, RUN)
        for given in (tuple(self._phase.settled.values()), tuple(invented)):
            self._evidence_is_true(given, reservations)

    def _evidence_is_true(self, given: Sequence[CampaignResult], reservations: Sequence[Reservation]) -> None:
        judged, problems = booked_evidence.booked(given, reservations, self._ledger.reported_days(RUN), "USD")
        days = {(c.campaign, d.day): d for c in judged for d in c.days}
        names = {campaign.campaign for campaign in judged}
        known = {(r.campaign, r.day): r.billed_micros for r in reservations if r.campaign in names}
        wrong = [key for key, micros in known.items() if micros > (days[key].cost_micros if key in days else 0)]
        wrong += [key for key, day in days.items() if key not in known and (day.cost_micros or day.revenue_micros)]
        made_up = [c.campaign for c in judged if any(d.revenue_micros >= MADE_UP_MICROS for d in c.days)]
        require(not made_up, Invariant.EVIDENCE, f"days of {made_up} are judged that somebody made up")
        listed = ", ".join(f"{campaign} on {day}" for campaign, day in wrong)
        require(not wrong or bool(problems), Invariant.EVIDENCE, f"{listed} cost less by the evidence")

    # ------------------------------------------------------------ at the end

    def at_end(self) -> None:
        """When all campaigns have ended, and the reaper has looked once more."""
        self._read_books()
        wrong = self._ledger.differing_totals(ACCOUNT)  # only here: a total that is wrong stays wrong
        require(not wrong, Invariant.TOTALS, "; ".join(wrong))
        stopped = self._platform.met["the account is stopped"] or self._platform.met["a campaign is stopped"]
        for name, driven in self._campaigns.items():
            failed = driven.result is not None and driven.result.state is EpisodeState.FAILED
            require(not failed or bool(driven.state.interruption), Invariant.EXPLAINED, name)
            quiet = self._nature.lawful and not self._nature.forgets and not stopped
            reason = driven.result.reason if driven.result else ""
            require(not (failed and quiet), Invariant.NO_FAILURE, f"{name} failed: {reason}")
        for campaign in self._everything():
            self._is_counted(campaign)
        alarmed = {v.campaign for v in self._ledger.violations(RUN) if v.kind == "reported-less"}
        silent = {name.split(" (")[0] for name in self._platform.said_less} - alarmed
        require(not silent or bool(self._nature.crashes), Invariant.ALARMED, f"less was reported of {silent}")

    def _is_counted(self, campaign: HostileCampaign) -> None:
        name = _our_name(campaign)
        if self._nature.lawful and self._readable(campaign) and not self._platform.late:
            over = bool(self._platform.met["away"]) and not campaign.delivers(self._platform.clock.now)
            require(over or not campaign.state.enabled, Invariant.LEFT, name)
        for day, truth in campaign.days.items():
            reservation = self._days.get((name, day))
            enough = reservation is not None and reservation.counted_micros >= truth.seen
            # What a worker has read and died of, a restored platform may never say again.
            known = not (self._nature.restores and self._nature.crashes)
            what = f"{name} was seen to bill {truth.seen} on {day}"
            require(enough or not truth.seen or not known, Invariant.SEEN, what)
            if reservation is None:
                continue
            told = any(v.campaign == name for v in self._ledger.violations(RUN))
            if truth.seen > reservation.worst_case_micros:
                what = f"{name} billed too much on {day}"
                require(told and self._fence > 0, Invariant.ALARMED, what)


def _our_name(campaign: HostileCampaign) -> str:
    return _without_rename(campaign.state.external_name)


def _without_rename(name: str) -> str:
    """Without what a hand that renames it has added."""
    return name.split(" (")[0]
