"""The two workflows of the queue `stop`: the emergency stop of an account, and one look of the reaper at all of them.

Touch this to change what a stop waits for or whom it tells, and what a look does beside pausing. How often the reaper
looks is `reaper_seconds` in gaelp/settings.py, and worker.py keeps its schedule, which outlives every command.
"""

from __future__ import annotations

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.live.emergency import Emergency
    from activities.live.reaping import Reaping
    from gaelp.messages.emergency_stop import StopAccount, StopReport
    from gaelp.messages.reaper import Reap, Reaped
    from workflows.activity_options import REAP, STOP, named
    from workflows.details import show_details
    from workflows.pause_and_stop import signal_workflow
    from workflows.signals import ReceivesSignals


@workflow.defn(name="EmergencyStop")
class EmergencyStop(ReceivesSignals):
    """Started on demand, on the `stop` queue, so that a stuck run cannot block it. It takes no signal."""

    @workflow.run
    async def run(self, stop: StopAccount) -> StopReport:
        """Stop one account, report what was read back, and tell the phases that wait for an approval to ask anew."""
        show_details(f"stopping {stop.account}: {stop.reason}")
        report = await workflow.execute_activity_method(
            Emergency.stop_account, stop, **named(STOP, f"stop {stop.account}")
        )
        enabled = f"\n\nstill enabled: {', '.join(report.still_enabled)}" if report.still_enabled else ""
        sent = f"\n\npauses sent to {', '.join(report.pauses_sent) or 'no campaign'}"
        for phase in report.waiting:
            await signal_workflow(phase, "look")
        show_details(f"**{'stopped' if report.stopped else 'NOT STOPPED'}** {report.reason}{enabled}{sent}")
        return report


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
