"""The reaper: one look at every account, started by a schedule that the worker keeps. It outlives every command.

Touch this to change what a look does beside pausing; how often it looks is
`reaper_seconds` in gaelp/settings.py, and worker.py keeps the schedule.
"""

from __future__ import annotations

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.live.reaping import Reaping
    from gaelp.messages.reaper import Reap, Reaped
    from workflows.activity_options import REAP, named
    from workflows.details import show_details
    from workflows.signals import ReceivesSignals


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
