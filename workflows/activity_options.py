"""Timeouts and retries of activities: one named set of options per kind of effect, with the reason beside each.

A single call to an ad platform is bound more tightly, by CALL_SECONDS in gaelp/platforms/protocol.py. Raise that one
first, and then OBSERVE, SPEND and PAUSE here. Touch this to change a timeout or a retry.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any, TypedDict

from temporalio.common import RetryPolicy
from temporalio.workflow import ActivityCancellationType


class ActivityOptions(TypedDict, total=False):
    """What `workflow.execute_activity` takes beside the activity and its input."""

    task_queue: str
    start_to_close_timeout: timedelta
    schedule_to_close_timeout: timedelta
    schedule_to_start_timeout: timedelta
    heartbeat_timeout: timedelta
    retry_policy: RetryPolicy
    cancellation_type: ActivityCancellationType
    summary: str


# A worker that dies is noticed by the missing heartbeat, not by the long timeout: the worker heartbeats for every
# activity (activities/effects.py), three times in this span.
_HEARTBEAT = timedelta(seconds=5)

# Simulating and learning: CPU for seconds to minutes, free of effects, so retried; a crash of foreign code is retried
# only a few times, because it will most likely crash again.
COMPUTE: ActivityOptions = {
    "task_queue": "compute",
    "start_to_close_timeout": timedelta(minutes=10),
    "heartbeat_timeout": _HEARTBEAT,
    "retry_policy": RetryPolicy(initial_interval=timedelta(milliseconds=200), maximum_attempts=4),
}

# An agent's turn while its campaign runs: one that hangs or has no worker must not keep a campaign under old settings,
# so after this its campaign is paused and settled.
DECIDE: ActivityOptions = {
    "task_queue": "compute",
    "start_to_close_timeout": timedelta(minutes=2),
    "schedule_to_close_timeout": timedelta(minutes=10),
    "heartbeat_timeout": _HEARTBEAT,
    "retry_policy": RetryPolicy(initial_interval=timedelta(milliseconds=200), maximum_attempts=4),
}

# Rows, events, verdicts and the ledger's own decisions: idempotent by key, so retried for as long as an outage of a
# database or of Redis may last. Campaigns do not wait for them.
RECORDS: ActivityOptions = {
    "task_queue": "records",
    "start_to_close_timeout": timedelta(minutes=2),
    "heartbeat_timeout": _HEARTBEAT,
    "schedule_to_close_timeout": timedelta(hours=6),
    "retry_policy": RetryPolicy(initial_interval=timedelta(milliseconds=200), maximum_interval=timedelta(seconds=10)),
}

# What a campaign reports of itself: the phase cannot do without it, so a cancellation waits until it is kept.
KEEP: ActivityOptions = {**RECORDS, "cancellation_type": ActivityCancellationType.WAIT_CANCELLATION_COMPLETED}

# Asking a language model about a panel: minutes of calls, each remembered as it is answered, so a retry goes on from
# there. Ratings that fail are the panel's own business, so what is retried here is a worker that died.
RATINGS: ActivityOptions = {
    "task_queue": "records",
    "start_to_close_timeout": timedelta(hours=2),
    "heartbeat_timeout": _HEARTBEAT,
    "retry_policy": RetryPolicy(initial_interval=timedelta(milliseconds=200), maximum_attempts=4),
}

# Reading a platform: harmless, and few attempts, because the campaign itself tries again by timers while pause and stop
# are heard (campaigns/campaign_life.py). The timeout is that of all calls of one observation, not of a single one.
OBSERVE: ActivityOptions = {
    "task_queue": "live",
    "start_to_close_timeout": timedelta(seconds=60),
    "schedule_to_start_timeout": timedelta(seconds=60),
    "heartbeat_timeout": _HEARTBEAT,
    "retry_policy": RetryPolicy(initial_interval=timedelta(milliseconds=200), maximum_attempts=3),
}

# Anything that may spend: claimed in the ledger, absolute, read back. The timeout is longer than the HTTP client's own
# total, else attempts overlap; a cancellation waits for the outcome, else we would not know it. One attempt: a campaign
# itself tries again by timers, so that a wait that a platform asks for never delays a pause. It also says within which
# time a call must begin, so that a decision of yesterday is not applied today.
SPEND: ActivityOptions = {
    "task_queue": "live",
    "start_to_close_timeout": timedelta(seconds=90),
    "heartbeat_timeout": _HEARTBEAT,
    "retry_policy": RetryPolicy(maximum_attempts=1),
    "cancellation_type": ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
}

# Pausing and settling: the safe direction, so it is retried for a day before a person must look.
PAUSE: ActivityOptions = {
    "task_queue": "live",
    "start_to_close_timeout": timedelta(seconds=90),
    "heartbeat_timeout": _HEARTBEAT,
    "schedule_to_close_timeout": timedelta(hours=24),
    "retry_policy": RetryPolicy(initial_interval=timedelta(milliseconds=200), maximum_interval=timedelta(seconds=30)),
    "cancellation_type": ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
}

# The same by a campaign itself, which tries again by timers for as long as it takes and shows what it waits for.
PAUSE_ONCE: ActivityOptions = {
    "task_queue": "live",
    "start_to_close_timeout": timedelta(seconds=90),
    "schedule_to_start_timeout": timedelta(seconds=60),
    "heartbeat_timeout": _HEARTBEAT,
    "retry_policy": RetryPolicy(initial_interval=timedelta(milliseconds=200), maximum_attempts=3),
    "cancellation_type": ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
}

STOP_TRIES = 30  # a try takes from one second to two minutes

# The emergency stop waits inside for older calls to end, and runs beside everything else on its own queue. Each try
# raises the fence, by which nothing can be approved: after so many a person is told, and the reaper goes on pausing.
STOP: ActivityOptions = {
    "task_queue": "stop",
    "start_to_close_timeout": timedelta(minutes=5),
    "heartbeat_timeout": timedelta(seconds=10),
    "retry_policy": RetryPolicy(
        initial_interval=timedelta(milliseconds=200), maximum_interval=timedelta(seconds=5), maximum_attempts=STOP_TRIES
    ),
}

# One question to the ledger after a stop that was given up: whoever is not told by it finds out within the hour.
STOP_GIVEN_UP: ActivityOptions = {
    "task_queue": "stop",
    "start_to_close_timeout": timedelta(seconds=30),
    "schedule_to_close_timeout": timedelta(minutes=2),
    "heartbeat_timeout": timedelta(seconds=10),
    "retry_policy": RetryPolicy(initial_interval=timedelta(milliseconds=200), maximum_interval=timedelta(seconds=5)),
}

# The reaper's look: pausing is the safe direction, and the next look comes soon, so attempts are few.
REAP: ActivityOptions = {
    "task_queue": "stop",
    "start_to_close_timeout": timedelta(minutes=5),
    "heartbeat_timeout": timedelta(seconds=10),
    "retry_policy": RetryPolicy(initial_interval=timedelta(milliseconds=200), maximum_attempts=3),
}


def named(options: ActivityOptions, summary: str) -> Any:
    """The options with the line that the Web UI shows beside the activity."""
    return {**options, "summary": summary}
