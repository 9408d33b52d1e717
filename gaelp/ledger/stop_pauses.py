"""What a stop knows of an account, and the pauses that it sends: what is read is paused, and what the ledger knows is
paused while a reading fails or takes long.

Nothing here raises what a platform or the ledger raises. Touch this to change which campaigns a stop pauses.
"""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Protocol

from gaelp.domain.platform_records import CampaignState
from gaelp.ledger.background_calls import all_in_parallel, answered, in_background
from gaelp.ledger.stored_records import CreatedCampaign


class StopsCampaigns(Protocol):
    """What a stop needs of a platform; gaelp.platforms adapters have it."""

    def find(self, account: str, external_name: str) -> CampaignState | None: ...

    def campaigns(self, account: str) -> tuple[CampaignState, ...]: ...

    def pause(self, account: str, platform_id: str, at: datetime | None) -> None: ...


@dataclass(frozen=True)
class StopPace:
    """How often a stop tries, and how long it waits."""

    client_timeout_seconds: float = 10.0  # the longest that a call made before the stop can still be under way
    rounds: int = 6  # of pausing and reading back
    seconds_between_rounds: float = 0.5
    head_start_seconds: float = 1.0  # of the fence and of a reading, before pauses are sent without them
    ledger_seconds: float = 4.0  # how long the ledger is waited for in all
    call_seconds: float = 12.0  # the longest that one call of the stop's own client takes
    pauses_at_once: int = 8  # few enough for any platform's limit on calls
    most_seconds: float = 15.0  # after this no further round begins


USUAL_PACE = StopPace()
MOST_NAMES = 10  # of one sentence; the report holds them all


@dataclass
class StopPauses:
    """The campaigns of one account, or of one run on it, while they are stopped."""

    platform: StopsCampaigns
    account: str
    pace: StopPace
    run: str  # only the campaigns of this run; empty: all of the account
    known: Future[tuple[CreatedCampaign, ...]] | None  # from the ledger, and perhaps still on its way
    paused: dict[str, str] = field(default_factory=dict)  # platform id -> external name, once enabled and then not
    enabled: dict[str, str] = field(default_factory=dict)  # as last read
    not_found: dict[str, str] = field(default_factory=dict)  # may still be billed, and the last reading lacks it
    sent: dict[str, str] = field(default_factory=dict)  # every campaign whose pause the platform has answered
    reading_error: str = ""  # why the last reading failed
    _unconfirmed: set[str] = field(default_factory=set)  # without a platform id, and not read
    _failed: dict[str, set[str]] = field(default_factory=dict)  # error of a pause -> the campaigns' names
    _resting: set[str] = field(default_factory=set)  # read as paused, as last read
    _waited_for_ledger: bool = False
    _waited_for: Future[tuple[CreatedCampaign, ...]] | None = None

    def round(self) -> bool:
        """Read the account and pause what is enabled; True where the reading shows nothing enabled.

        A reading that fails or takes long delays no pause: what the ledger knows is paused beside it.
        """
        reading = in_background(partial(self.platform.campaigns, self.account))
        if not answered(reading, self.pace.head_start_seconds) or reading.exception() is not None:
            self._give_ledger_its_head_start()
            self._pause({**self._from_ledger(), **self.enabled})
        if self._take(reading) and not self.enabled and self._none_missing(reading.result()):
            return True
        if not self.reading_error:
            self._pause({**self.not_found, **self.enabled})
        return False

    def read(self) -> bool:
        """Read the account once; True where nothing is enabled."""
        reading = in_background(partial(self.platform.campaigns, self.account))
        return self._take(reading) and not self.enabled and self._none_missing(reading.result())

    @property
    def knows_ours(self) -> bool:
        """Whether the ledger has said which campaigns are ours: without it, one that is not listed is not missed."""
        return self.known is not None and self.known.done() and self.known.exception() is None

    # ------------------------------------------------------------ reading

    def _take(self, reading: Future[tuple[CampaignState, ...]]) -> bool:
        if not answered(reading, self.pace.call_seconds):
            self.reading_error = f"the platform cannot be read: no answer within {self.pace.call_seconds:g} seconds"
            return False
        if (error := reading.exception()) is not None:  # whatever a misbehaving platform's client raises
            self.reading_error = f"the platform cannot be read: {error}"
            return False
        self._note(reading.result())
        return True

    def _note(self, campaigns: tuple[CampaignState, ...]) -> None:
        before, mine = self.enabled, [c for c in campaigns if self._meant(c)]
        self.reading_error = ""
        self.enabled = {c.platform_id: c.external_name for c in mine if c.enabled}
        self._resting = {c.platform_id for c in mine if not c.enabled}
        listed = {c.platform_id for c in campaigns}
        # Not found is not gone: a campaign that surely was created and may still be billed runs until it is read.
        unseen = [c for c in self._of_ledger() if c.unsettled and c.platform_id and c.platform_id not in listed]
        self.not_found = {c.platform_id: c.campaign for c in unseen}
        names = {c.external_name for c in campaigns}
        doubtful = {c.campaign for c in self._of_ledger() if c.unsettled and not c.platform_id}
        self._unconfirmed = doubtful - names
        self.paused.update({i: name for i, name in before.items() if i in self._resting})
        self.paused = {i: name for i, name in self.paused.items() if i not in self.enabled}

    def _none_missing(self, campaigns: tuple[CampaignState, ...]) -> bool:
        """Whether the reading has all of ours that may be billed; no pause is left, so it waits for the ledger."""
        if self.known is not None and self.known is not self._waited_for:
            self._waited_for = self.known  # once
            answered(self.known, self.pace.ledger_seconds)
            self._note(campaigns)
        return not self.not_found

    def _meant(self, state: CampaignState) -> bool:
        """By platform id too, because a name can be changed."""
        if not self.run or state.external_name.startswith(f"{self.run}/"):
            return True
        return any(c.platform_id == state.platform_id for c in self._of_ledger())

    def read_back(self) -> str:
        """What two readings that show nothing enabled have shown, and what they have not."""
        if self._resting:
            shown = "everything is paused, read back twice"
        else:
            meant = f"of run {self.run}" if self.run else f"on account {self.account}"
            shown = f"the platform, read twice, lists no campaign {meant}, so nothing read back as paused"
            if known := [c.campaign for c in self._of_ledger() if c.platform_id]:
                shown += f"; what has become of {listed(known)}, which we created there, is not known"
        if self._unconfirmed:
            shown += f"; whether the creation of {listed(self._unconfirmed)} was carried out is not known"
        return shown

    # ------------------------------------------------------------ pausing

    def _of_ledger(self) -> Iterable[CreatedCampaign]:
        """The campaigns that the ledger knows and that are meant, where it has answered by now."""
        if self.known is None or not self.knows_ours:
            return ()
        return [c for c in self.known.result() if self.run in ("", c.run)]

    def _give_ledger_its_head_start(self) -> None:
        """Once: a reading may fail before the ledger can have answered, and then nothing would be known to pause."""
        if self.known is not None and not self._waited_for_ledger:
            self._waited_for_ledger = True
            answered(self.known, self.pace.head_start_seconds)

    def _from_ledger(self) -> dict[str, str]:
        """Platform id -> name of those that were not read as paused; the name in place of an id that is not known."""
        return {
            c.platform_id or c.campaign: c.campaign for c in self._of_ledger() if c.platform_id not in self._resting
        }

    def _pause(self, campaigns: dict[str, str]) -> None:
        calls = [partial(self._pause_one, platform_id, name) for platform_id, name in campaigns.items()]
        rounds_of_calls = -(-len(calls) // self.pace.pauses_at_once)
        all_in_parallel(calls, self.pace.pauses_at_once, self.pace.call_seconds * rounds_of_calls)

    def _pause_one(self, platform_id: str, name: str) -> None:
        try:
            if platform_id == name:  # only the name is known
                found = self.platform.find(self.account, name)
                if found is None:
                    return
                platform_id = found.platform_id
            self.platform.pause(self.account, platform_id, None)
            self.sent[platform_id] = name
        except Exception as error:  # the next reading shows whether it took effect
            self._failed.setdefault(str(error), set()).add(name)

    def failures(self) -> list[str]:
        """One sentence for each kind of failed pause."""
        return [f"pausing {listed(names)} failed: {error}" for error, names in sorted(self._failed.items())]


def listed(names: Iterable[str]) -> str:
    """The first names in order, and how many more there are; a sentence must stay readable."""
    ordered = sorted(names)
    more = f" and {len(ordered) - MOST_NAMES} more" if len(ordered) > MOST_NAMES else ""
    return ", ".join(ordered[:MOST_NAMES]) + more
