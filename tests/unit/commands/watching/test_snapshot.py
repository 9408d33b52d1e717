"""Where a run stands, and why it failed."""

from __future__ import annotations

from temporalio.exceptions import ApplicationError, ChildWorkflowError

from gaelp.commands.watching.snapshot import failure


def test_a_failed_workflow_is_explained_by_our_own_error() -> None:
    """The reason is our own sentence where there is one, and not the foreign error below it."""
    foreign = ApplicationError("'clicks'", type="KeyError")
    ours = ApplicationError("agent 'odd': learn raised KeyError: 'clicks' (odd.py:3)", type="AgentFailed")
    ours.__cause__ = foreign
    outer = ChildWorkflowError(
        "child", namespace="n", workflow_id="w", run_id="r", workflow_type="t", initiated_event_id=1,
        started_event_id=2, retry_state=None,
    )  # fmt: skip
    outer.__cause__ = ours
    assert failure(outer) == "agent 'odd': learn raised KeyError: 'clicks' (odd.py:3)"
    bare = RuntimeError("outer")
    bare.__cause__ = ValueError("inner")
    assert failure(bare) == "inner"
