"""Which adapter serves an account. Touch this to add an ad platform."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from gaelp.domain.ad_accounts import Account, AccountKind
from gaelp.platforms.emulator.client import EmulatorPlatform
from gaelp.platforms.protocol import CALL_SECONDS, AdPlatform, PlatformError, WatchesCalls
from gaelp.settings import Settings

NOT_YET = ("google-ads", "meta")


class NoAdapter(PlatformError):
    """The account names a platform that this version cannot serve."""

    def __init__(self, message: str) -> None:
        super().__init__(message, permanent=True)


STOP_SECONDS = 10.0
"""The longest that one call of a stop takes: a platform that answers late is stopped and read back all the same."""


def why_no_adapter(account: Account) -> str:
    """Why this version cannot serve an account, with the remedy; empty where it can."""
    name = account.account
    if account.platform in NOT_YET:
        return (
            f"Account {name!r} is on {account.platform}, which is not in this version yet: "
            "use an account on the emulator."
        )
    if account.platform != "emulator":
        return (
            f"Account {name!r} names the platform {account.platform!r}, which does not exist: "
            "its owner sets it to 'emulator' with `starter.py accounts`."
        )
    if account.kind is not AccountKind.EMULATOR or account.timezone != "UTC":
        return (
            f"Account {name!r} is on the emulator but is entered as kind {account.kind.value!r} in time zone "
            f"{account.timezone!r}: its owner sets the kind to 'emulator' and the time zone to 'UTC'."
        )
    return ""


def open_platform(
    account: Account,
    settings: Settings,
    timeout_seconds: float = CALL_SECONDS,
    calls: WatchesCalls | None = None,
) -> AdPlatform:
    """The adapter of the account's platform, with its credentials; raises NoAdapter naming the remedy.

    `timeout_seconds` bounds one call; `calls` is told of each.
    """
    if reason := why_no_adapter(account):
        raise NoAdapter(reason)
    return EmulatorPlatform(settings.emulator_url, settings.emulator_token, timeout_seconds, calls)


def kept_platforms(
    settings: Settings, timeout_seconds: float = CALL_SECONDS, calls: WatchesCalls | None = None
) -> Callable[[Account], AdPlatform]:
    """`open_platform` with one connection per kind of account, reused: an envelope's change must not open another."""

    @cache
    def opened(platform: str, kind: str, timezone: str, account: Account) -> AdPlatform:
        return open_platform(account, settings, timeout_seconds, calls)

    def platform_of(account: Account) -> AdPlatform:
        plain = account.model_copy(
            update={
                "daily_cap_micros": 0, "total_cap_micros": 0, "dollar_rate": None, "call_quota": None,
                "four_eyes_above_micros": None, "fence": 0,
            }
        )  # fmt: skip
        return opened(account.platform, account.kind, account.timezone, plain)

    return platform_of
