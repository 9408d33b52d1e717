"""What every ad platform must be able to do for us.

`at` is the campaign's own instant: the emulator advances to it, real platforms ignore it. Every write is absolute, and
its caller reads back afterwards what was written. An adapter raises PlatformError with `permanent` set where a retry
cannot help; its client library's own retries are off. A write whose outcome is unknown raises OutcomeUnknown: count it
as done. Touch this to change what may be asked of a platform.
"""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from gaelp.domain.platform_records import CampaignReport, CampaignSpec, CampaignState
from gaelp.errors import GaelpError

CALL_SECONDS = 5.0
"""The longest that one call to an ad platform may take in all. Whoever waits for such a call to end waits longer."""


class PlatformError(GaelpError):
    """A platform refused or could not be reached. The message is fit for a user and holds no secret."""

    def __init__(self, message: str, *, permanent: bool, retry_after_seconds: float | None = None) -> None:
        super().__init__(message)
        self.permanent = permanent
        self.retry_after_seconds = retry_after_seconds


class OutcomeUnknown(PlatformError):
    """A write timed out or its connection broke: it may have happened."""

    def __init__(self, message: str) -> None:
        super().__init__(message, permanent=False)


class DuplicateName(PlatformError):
    """A create was refused because the account has a campaign of that name: most likely our own, created before."""

    def __init__(self, message: str) -> None:
        super().__init__(message, permanent=True)


class WatchesCalls(Protocol):
    """Told of each call to a platform, before it is made and after."""

    def before_call(self) -> None: ...

    def after_call(self, error: PlatformError | None) -> None:
        """`error` is None where the platform did as it was asked."""
        ...


class ReadsCampaigns(Protocol):
    """The read-only half."""

    @property
    def unique_names(self) -> bool:
        """Whether an account never has two campaigns of one name: only there may a create be repeated."""
        ...

    def read(self, account: str, platform_id: str) -> CampaignState | None:
        """The campaign of that id, or None. A campaign keeps its id when a person gives it another name."""
        ...

    def find(self, account: str, external_name: str) -> CampaignState | None:
        """The campaign of that name, or None; any of them where names are not unique."""
        ...

    def campaigns(self, account: str) -> tuple[CampaignState, ...]:
        """Every campaign of ours in the account."""
        ...

    def report(self, account: str, platform_id: str, at: datetime | None) -> CampaignReport:
        """What the platform reports at `at`; late and incomplete as platforms are.

        `at` None means now, at whatever instant the platform has reached: no clock is moved.
        """
        ...


def find_campaign(platform: ReadsCampaigns, account: str, platform_id: str, name: str) -> CampaignState | None:
    """A campaign of ours, by its id where that is known (not ""), and by its name second: a name can be changed."""
    state = platform.read(account, platform_id) if platform_id else None
    return state if state is not None else platform.find(account, name)


class AdPlatform(ReadsCampaigns, Protocol):
    """The half that may spend. Only activities/live/campaigns.py, the emergency stop and the reaper call it."""

    def create_paused(self, spec: CampaignSpec, at: datetime) -> CampaignState:
        """Create it paused. Where names are unique, a second create of the same one raises DuplicateName."""
        ...

    def set_budget(self, account: str, platform_id: str, daily_budget_micros: int, at: datetime) -> None: ...

    def set_delivery(
        self,
        account: str,
        platform_id: str,
        bid_micros: tuple[int, ...],
        creative_prob: tuple[tuple[float, ...], ...],
        at: datetime,
    ) -> None:
        """Bids per segment and creative shares, absolute."""
        ...

    def set_end(self, account: str, platform_id: str, end_at: datetime, at: datetime) -> None:
        """Renew the lease."""
        ...

    def enable(self, account: str, platform_id: str, at: datetime) -> None: ...

    def pause(self, account: str, platform_id: str, at: datetime | None) -> None:
        """Pause; `at` None means now, at whatever instant the platform has reached."""
        ...
