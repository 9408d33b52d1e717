"""How a failure is worded for people."""

from __future__ import annotations

from temporalio.exceptions import ApplicationError, ChildWorkflowError, TimeoutError, TimeoutType

from workflows.details import cause, innermost_cause


def _child(inner: BaseException) -> ChildWorkflowError:
    outer = ChildWorkflowError(
        "child", namespace="n", workflow_id="w", run_id="r", workflow_type="t", initiated_event_id=1,
        started_event_id=2, retry_state=None,
    )  # fmt: skip
    outer.__cause__ = inner
    return outer


def test_the_cause_is_what_we_worded_and_not_the_error_below() -> None:
    """However many workflows it passed through, our own sentence is the cause."""
    ours = ApplicationError("agent 'odd' failed", type="AgentFailed")
    ours.__cause__ = ValueError("inner")
    assert innermost_cause(_child(_child(ours))) is ours
    assert cause(_child(_child(ours))) == "agent 'odd' failed"


def test_the_cause_of_a_timeout_is_the_timeout() -> None:
    """Where nothing of ours was raised, the innermost error is named."""
    late = TimeoutError("activity timed out", type=TimeoutType.START_TO_CLOSE, last_heartbeat_details=())
    assert cause(_child(late)) == "activity timed out"


def test_an_error_of_python_keeps_its_class() -> None:
    """A bare text such as `'clicks'` would say nothing."""
    assert cause(KeyError("clicks")) == "KeyError: 'clicks'"
