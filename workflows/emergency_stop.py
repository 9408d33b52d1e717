"""The emergency stop as a short workflow on its own queue. Touch this to change what a stop waits for: nothing else."""

from __future__ import annotations

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.live.emergency import Emergency
    from gaelp.messages.emergency_stop import StopAccount, StopReport
    from workflows.activity_options import STOP, named
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
        sent = f"\n\npauses sent to {len(report.pauses_sent)} campaigns"
        for phase in report.waiting:
            await signal_workflow(phase, "look")
        show_details(f"**{'stopped' if report.stopped else 'NOT STOPPED'}** {report.reason}{enabled}{sent}")
        return report
