"""The emulator limits an account's calls as real platforms do, and says how many it made and refused."""

from __future__ import annotations

import pytest

from gaelp.domain.ad_accounts import CallQuota
from gaelp.platforms.emulator.quotas import Quotas
from gaelp.platforms.emulator.refusal import Refusal
from gaelp.platforms.protocol import PlatformError
from tests.support.emulators import Server


def test_a_call_above_the_quota_is_refused_until_the_span_is_over() -> None:
    """Sixty calls in ten seconds: the next is refused with the seconds to wait, and made once the first is old."""
    now = 100.0
    quotas = Quotas(lambda: now)
    quotas.set("acme", CallQuota(calls=60, seconds=10))
    for _ in range(60):
        quotas.count("acme")
        quotas.count("other")
    now = 106.5
    with pytest.raises(Refusal) as refused:
        quotas.count("acme")
    assert (refused.value.status, refused.value.retry_after_seconds) == (429, 4)
    quotas.count("other")
    now = 110.0
    quotas.count("acme")
    assert (quotas.use("acme").made, quotas.use("acme").refused) == (61, 1)
    assert (quotas.use("other").made, quotas.use("other").refused) == (61, 0)


def test_the_client_is_told_how_long_to_wait(server: Server) -> None:
    """429 is no permanent refusal, and the platform's own wait reaches the caller; control calls do not count."""
    server.control("PUT", "/accounts/limited/quota", json={"calls": 60, "seconds": 3600})
    platform = server.platform()
    for _ in range(60):
        platform.campaigns("limited")
    with pytest.raises(PlatformError, match="quota") as refused:
        platform.pause("limited", "1", None)
    assert not refused.value.permanent
    assert 3500 < (refused.value.retry_after_seconds or 0) <= 3600
    assert server.control("GET", "/accounts/limited/quota") == {"made": 60, "refused": 1}
    platform.close()
