"""How the failures of a campaign's calls are told apart: an outage, the agent's own, or neither."""

from __future__ import annotations

import asyncio

import pytest
from temporalio.exceptions import ActivityError, ApplicationError, CancelledError, RetryState, TimeoutError, TimeoutType

from workflows.campaigns.campaign_calls import told_apart
from workflows.campaigns.campaign_needs import CallFailed, OutOfReach


def _failed(cause: BaseException) -> ActivityError:
    """The error that an activity's caller gets."""
    error = ActivityError(
        "Activity task failed", scheduled_event_id=1, started_event_id=2, identity="worker", activity_type="decide",
        activity_id="1", retry_state=RetryState.MAXIMUM_ATTEMPTS_REACHED,
    )  # fmt: skip
    error.__cause__ = cause
    return error


def _application(kind: str, *, permanent: bool) -> ApplicationError:
    return ApplicationError("it broke", type=kind, non_retryable=permanent)


@pytest.mark.parametrize("kind", ["AgentFailed", "InvalidDecision", "RemoteError"])
@pytest.mark.parametrize("permanent", [True, False])
def test_what_the_agent_failed_at_is_its_own(kind: str, permanent: bool) -> None:
    """An error, a decision out of its bounds, no answer of a remote agent: whether or not it was tried again."""
    told = told_apart(_failed(_application(kind, permanent=permanent)), of_agent=True)
    assert isinstance(told, CallFailed) and told.agents_own and str(told) == "it broke"


@pytest.mark.parametrize("kind", ["MissingContent", "CorruptContent", "NotADigest", "UnknownAgent", "RemoteRefused"])
def test_what_could_not_be_given_to_the_agent_is_not_its_own(kind: str) -> None:
    """A checkpoint that is gone, a package that is not installed, a remote agent without an address."""
    told = told_apart(_failed(_application(kind, permanent=True)), of_agent=True)
    assert isinstance(told, CallFailed) and not told.agents_own


@pytest.mark.parametrize("of_agent", [True, False])
@pytest.mark.parametrize("kind", ["OSError", "LedgerUnavailable", "PlatformError"])
def test_what_a_retry_can_mend_is_an_outage(kind: str, of_agent: bool) -> None:
    """A store that is away while the agent is asked is no more its doing than a platform that is."""
    told = told_apart(_failed(_application(kind, permanent=False)), of_agent=of_agent)
    assert isinstance(told, OutOfReach)


@pytest.mark.parametrize(
    ("kind", "hangs"),
    [
        (TimeoutType.START_TO_CLOSE, True),
        (TimeoutType.HEARTBEAT, True),
        (TimeoutType.SCHEDULE_TO_START, False),
        (TimeoutType.SCHEDULE_TO_CLOSE, False),
    ],
)
def test_only_an_agent_that_was_asked_can_hang(kind: TimeoutType, hangs: bool) -> None:
    """A call that no worker took, or that a worker of ours did not answer, is an outage."""
    late = _failed(TimeoutError("late", type=kind, last_heartbeat_details=[]))
    told = told_apart(late, of_agent=True)
    assert isinstance(told, CallFailed if hangs else OutOfReach) and getattr(told, "agents_own", False) is hangs
    assert isinstance(told_apart(late, of_agent=False), OutOfReach)


def test_a_cancelled_call_is_neither() -> None:
    """Its campaign was cancelled."""
    assert isinstance(told_apart(_failed(CancelledError("cancelled")), of_agent=True), asyncio.CancelledError)
