"""The two workflows of the queue `stop`: the emergency stop of an account, and one look of the reaper at all of them.

Touch this to change what a stop waits for or whom it tells, and what a look does beside pausing. How often the reaper
looks is `reaper_seconds` in gaelp/settings.py, and worker.py keeps its schedule, which outlives every command.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress

from temporalio import workflow
from temporalio.exceptions import ActivityError

with workflow.unsafe.imports_passed_through():
    from activities.live.emergency import Emergency
    from activities.live.reaping import Reaping
    from gaelp.messages.emergency_stop import StopAccount, StopReport
    from gaelp.messages.reaper import Reap, Reaped
    from workflows.activity_options import REAP, STOP, STOP_GIVEN_UP, named
    from workflows.details import show_details
    from workflows.pause_and_stop import signal_workflow
    from workflows.signals import ReceivesSignals


@workflow.defn(name="EmergencyStop")
class EmergencyStop(ReceivesSignals):
    """Started on demand, on the `stop` queue, so that a stuck run cannot block it. It takes no signal."""

    @workflow.run
    async def run(self, stop: StopAccount) -> StopReport:
        """Stop one account, report what was read back, and tell the phases that wait for an approval to ask anew.

        They are told too where it is cancelled or fails before the account is stopped: each try voids their requests.
        """
        show_details(f"stopping {stop.account}: {stop.reason}")
        try:
            report = await workflow.execute_activity_method(
                Emergency.stop_account, stop, **named(STOP, f"stop {stop.account}")
            )
        except ActivityError:
            show_details(f"**NOT STOPPED** {stop.account}: it was given up before everything read back as paused")
            with suppress(ActivityError):  # without the ledger they find out by themselves
                given_up = named(STOP_GIVEN_UP, "which phases ask anew")
                waiting = await workflow.execute_activity_method(Emergency.waiting_phases, stop, **given_up)
                await _tell(waiting.phases)
            raise
        enabled = f"\n\nstill enabled: {', '.join(report.still_enabled)}" if report.still_enabled else ""
        sent = f"\n\npauses sent to {', '.join(report.pauses_sent) or 'no campaign'}"
        await _tell(report.waiting)
        show_details(f"**{'stopped' if report.stopped else 'NOT STOPPED'}** {report.reason}{enabled}{sent}")
        return report


async def _tell(phases: Iterable[str]) -> None:
    for phase in phases:
        await signal_workflow(phase, "look")


@workflow.defn(name="Reaper")
class Reaper(ReceivesSignals):
    """Runs on the queue `stop`, so that a backlog elsewhere cannot hold it up. It takes no signal."""

    @workflow.run
    async def run(self) -> Reaped:
        """Pause what is ours and has no open, approved reservation."""
        reaped = await workflow.execute_activity_method(
            Reaping.reap, Reap(at=workflow.now()), **named(REAP, "pause what no reservation covers")
        )
        lines = [f"**paused** {name}: nothing covered it" for name in reaped.paused]
        lines += [f"**STILL ENABLED** {name}" for name in reaped.still_enabled]
        show_details("\n\n".join([*lines, *reaped.trouble]) or "every enabled campaign of ours is covered")
        return reaped
