"""An account gets the adapter of its platform, or one sentence that says why not."""

from __future__ import annotations

import pytest

from gaelp.domain.ad_accounts import Account, AccountKind
from gaelp.platforms.adapters import NoAdapter, open_platform
from gaelp.platforms.emulator.client import EmulatorPlatform
from gaelp.platforms.protocol import PlatformError
from gaelp.settings import Settings

ACCOUNT = Account(
    account="acme",
    kind=AccountKind.EMULATOR,
    platform="emulator",
    currency="USD",
    daily_cap_micros=1,
    total_cap_micros=1,
)


def test_an_emulator_account_opens_the_emulator() -> None:
    """An account of the emulator's kind, in UTC, gets the emulator's adapter."""
    assert isinstance(open_platform(ACCOUNT, Settings()), EmulatorPlatform)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"platform": "google-ads", "kind": AccountKind.REAL}, "google-ads, which is not in this version yet"),
        ({"platform": "meta", "kind": AccountKind.REAL}, "meta, which is not in this version yet"),
        ({"platform": "myspace"}, "'myspace', which does not exist"),
        ({"kind": AccountKind.REAL}, "kind 'real'"),
        ({"timezone": "Europe/Vienna"}, "'Europe/Vienna'"),
    ],
)
def test_any_other_account_is_refused_with_a_remedy(changes: dict[str, object], reason: str) -> None:
    """No stub pretends to be a platform."""
    with pytest.raises(NoAdapter, match=reason) as raised:
        open_platform(ACCOUNT.model_copy(update=changes), Settings())
    assert raised.value.permanent and ":" in str(raised.value)


def test_an_address_that_is_none_is_refused() -> None:
    """A wrong emulator address is named at once."""
    with pytest.raises(PlatformError, match="not an http address"):
        open_platform(ACCOUNT, Settings(emulator_url="emulator:8700"))
