"""Whether a platform's quota leaves room for more calls. Touch this to hold back more or less of it.

The generic cell rate algorithm (ITU-T I.371): one instant for each account says until when the calls made so far use up
the sustained rate. It lies ahead of now by at most the burst, so in any span of the quota the calls that had to ask are
at most SUSTAINED + BURST of it. The rest is for pauses and stops, which never ask; the instant moves for theirs too, so
that the others then wait. A clock that is fast by a share of the quota's span lets as large a share more through.
"""

from __future__ import annotations

import math
from datetime import datetime, timedelta

from gaelp.domain.ad_accounts import CallQuota

SUSTAINED = 0.75  # of the quota
BURST = 0.1
MOST_CALLS = 8
"""The most that one activity asks of a platform: its day's settings one by one, and a reading before and after."""


def booked_until(before: datetime, quota: CallQuota, calls: int, now: datetime) -> datetime:
    """The instant after so many more calls; a negative number gives back calls that were booked and not made."""
    each = quota.seconds / (SUSTAINED * quota.calls)
    # Rounded up to the microsecond, or many short calls would let more through than the share.
    return (max(before, now) if calls > 0 else before) + timedelta(microseconds=math.ceil(calls * each * 1e6))


def wait_for_calls(before: datetime, quota: CallQuota, now: datetime) -> timedelta:
    """How long an activity must wait before its calls; where the burst is smaller, one activity at a time may go."""
    burst = timedelta(seconds=BURST * quota.seconds / SUSTAINED)
    needed = booked_until(now, quota, MOST_CALLS, now) - now
    return max(before - now - max(burst - needed, timedelta(0)), timedelta(0))
