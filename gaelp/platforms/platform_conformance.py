"""What every AdPlatform must do, as a class of tests.

Subclass it in a test module of your own, return your adapter from `platform()` and a spec that your account accepts
from `spec()`. Every failure names the rule that was broken. The platform must advance to the `at` of a call; on one
that ignores it, override `later` to wait. Touch this to hold all platforms to another rule.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from math import isclose

from gaelp.domain.platform_records import CampaignReport, CampaignSpec, CampaignState, Creative
from gaelp.domain.spending.advertised_content import content_digest
from gaelp.errors import GaelpError
from gaelp.platforms.protocol import AdPlatform, DuplicateName, OutcomeUnknown, PlatformError

OVERDELIVERY = 2  # the most that a day may bill, in its highest daily budget


class PlatformNonConformance(GaelpError, AssertionError):
    """The platform breaks a rule; the message names it."""


def require(kept: bool, rule: str, observed: object = "") -> None:
    """Raise PlatformNonConformance naming the rule."""
    if not kept:
        raise PlatformNonConformance(f"{rule} Found: {observed}" if observed != "" else rule)


class PlatformConformance:
    """Rules by name. Each test takes a campaign of its own."""

    start = datetime(2026, 11, 2, tzinfo=UTC)

    def platform(self) -> AdPlatform:
        """The adapter under test."""
        raise NotImplementedError

    def spec(self, name: str) -> CampaignSpec:
        """A campaign that the account accepts, with bids that win and a lease of 14 days."""
        return CampaignSpec(
            external_name=name,
            account="conformance",
            product="product-a",
            daily_budget_micros=20_000_000,
            end_at=self.later(14 * 24),
            segments=4,
            creatives=tuple(Creative(id=f"creative-{index}", headline="A good thing") for index in range(3)),
            bid_micros=(4_000_000,) * 4,
            creative_prob=((0.5, 0.25, 0.25),) * 4,
        )

    def later(self, hours: float) -> datetime:
        """The instant so many hours after the campaign's start."""
        return self.start + timedelta(hours=hours)

    def test_create_is_paused_and_spends_nothing(self) -> None:
        """A created campaign is paused and serves nothing until it is enabled."""
        created = self._created("paused")
        require(not created.enabled, "create_paused must create it paused.", created)
        require(_served(self._report(created, 48)) == 0, "A campaign that was never enabled must not spend.")

    def test_a_duplicate_name_is_refused(self) -> None:
        """A second create of a name raises a permanent error and leaves one campaign."""
        created = self._created("duplicate")
        error = _error(lambda: self.platform().create_paused(self.spec("duplicate"), self.start))
        require(error is not None, "A second create of the same name must be refused.")
        require(isinstance(error, DuplicateName), "The refusal of a duplicate must be DuplicateName.", error)
        require(self._names().count("duplicate") == 1, "A refused duplicate must not leave a second campaign.")
        require(self._read("duplicate") == created, "A refused duplicate must not change the first campaign.")

    def test_the_digest_of_the_content_is_that_of_what_was_created(self) -> None:
        """The adapter makes it of the product and the ads that it reads, in the order of the shares."""
        spec, created = self.spec("content"), self._created("content")
        wanted = content_digest(spec.product, spec.creatives)
        require(created.content_digest == wanted, "A created campaign must have the digest of its content.", created)
        require(self._read("content") == created, "The digest must be read back as it was created.")

    def test_a_campaign_is_the_same_by_its_id_and_by_its_name(self) -> None:
        """What was created is read by the id that its creation returned, and nothing of another account is."""
        created = self._created("by-id")
        platform = self.platform()
        by_id = platform.read(created.account, created.platform_id)
        require(by_id == self._read("by-id") == created, "read and find must return the same campaign.", by_id)
        other = platform.read(f"{created.account}-other", created.platform_id)
        require(other is None, "read must return None for a campaign of another account.", other)

    def test_read_back_equals_what_was_written(self) -> None:
        """Every setting is read back as it was written."""
        spec, created = self.spec("read-back"), self._created("read-back")
        bids, shares = (1_000_000, 0, 3_000_000, 2_500_000), ((1.0, 0.0, 0.0),) * spec.segments
        self._write_all(created, 15_000_000, bids, shares, self.later(30))
        state = self._read("read-back")
        wanted = created.model_copy(
            update={
                "enabled": True,
                "daily_budget_micros": 15_000_000,
                "bid_micros": bids,
                "creative_prob": shares,
                "end_at": self.later(30),
            }
        )
        require(state == wanted, "What is read back must equal what was written.", state)

    def test_absolute_writes_are_idempotent(self) -> None:
        """The same writes made twice leave what they left when made once."""
        spec, created = self.spec("twice"), self._created("twice")
        for _ in range(2):
            self._write_all(created, 12_000_000, spec.bid_micros, spec.creative_prob, self.later(36))
        once = self._read("twice")
        self._write_all(created, 12_000_000, spec.bid_micros, spec.creative_prob, self.later(36))
        require(self._read("twice") == once, "A repeated absolute write must change nothing.")

    def test_pause_really_stops_spend(self) -> None:
        """After a pause nothing more is served, and a pause of a paused campaign is accepted."""
        created = self._enabled("pause")
        before = _served(self._report(created, 12))
        require(before > 0, "An enabled campaign with winning bids must spend, or this kit tests nothing.")
        self.platform().pause(created.account, created.platform_id, self.later(12))
        self.platform().pause(created.account, created.platform_id, None)
        require(_served(self._report(created, 60)) == before, "A paused campaign must not spend.")
        require(not self._read("pause").enabled, "A paused campaign must read back as paused.")

    def test_the_lease_ends_spend(self) -> None:
        """At its end time a campaign stops by itself, though nobody pauses it; a renewal lets it go on."""
        created = self._created("lease")
        self.platform().set_end(created.account, created.platform_id, self.later(10), self.start)
        self.platform().enable(created.account, created.platform_id, self.start)
        before = _served(self._report(created, 10))
        require(before > 0, "A campaign must spend while its lease runs, or this kit tests nothing.")
        require(_served(self._report(created, 60)) == before, "A campaign must not spend after its end time.")
        self.platform().set_end(created.account, created.platform_id, self.later(90), self.later(60))
        require(_served(self._report(created, 80)) > before, "A renewed lease must let the campaign go on.")

    def test_a_day_never_exceeds_twice_its_budget(self) -> None:
        """On no day does the platform serve or bill more than twice the highest daily budget."""
        created = self._enabled("over-delivery")
        most = OVERDELIVERY * self.spec("over-delivery").daily_budget_micros
        for day in self._report(created, 14 * 24).days:
            worst = max(day.cost_micros, day.served_micros)
            require(worst <= most, f"A day must not bill more than {OVERDELIVERY}x its highest budget.", day)

    def test_an_unknown_campaign_is_a_permanent_error(self) -> None:
        """Every call on a campaign that does not exist fails for good, and find returns None."""
        account = self.spec("unknown").account
        require(self.platform().find(account, "no-such-name") is None, "find must return None for an unknown name.")
        require(self.platform().read(account, "999999999") is None, "read must return None for an unknown id.")
        for call in (
            lambda: self.platform().enable(account, "999999999", self.start),
            lambda: self.platform().pause(account, "999999999", None),
            lambda: self.platform().set_budget(account, "999999999", 1_000_000, self.start),
            lambda: self.platform().report(account, "999999999", self.start),
        ):
            error = _error(call)
            require(error is not None and error.permanent, "An unknown campaign must be a permanent error.", error)
            require(not isinstance(error, OutcomeUnknown), "An unknown campaign is no unknown outcome.", error)

    def test_reports_are_monotone(self) -> None:
        """Counts only grow with the instant, cells sum to days, and billed cost never exceeds what was served."""
        created = self._enabled("monotone")
        earlier = self._report(created, 6)
        for hours in (7, 12, 24, 48, 49, 96):
            report = self._report(created, hours)
            for name in ("impressions", "clicks", "conversions", "cost_micros", "served_micros", "revenue_micros"):
                require(_total(report, name) >= _total(earlier, name), f"Reported {name} must never shrink.", report)
            for name in ("impressions", "clicks", "conversions", "cost_micros"):
                cells = sum(map(sum, getattr(report.cells, name)))
                require(isclose(cells, _total(report, name)), f"The cells' {name} must sum to the days'.", report)
            require(all(day.cost_micros <= day.served_micros for day in report.days), "Billed must not exceed served.")
            earlier = report

    def test_an_earlier_report_shows_no_later_fact(self) -> None:
        """A report asked for again at an earlier instant is what it was then."""
        created = self._enabled("earlier")
        then = self._report(created, 30)
        self._report(created, 96)
        require(self._report(created, 30) == then, "A report at an earlier instant must show what was known then.")

    def test_a_report_without_an_instant_moves_no_clock(self) -> None:
        """Whoever compares the books with the platform must not make a campaign spend."""
        created = self._enabled("unmoved")
        before = self._report(created, 30)
        now = self.platform().report(created.account, created.platform_id, None)
        require(now.days == before.days, "A report without an instant must be that of the instant reached.", now)

    def test_a_final_day_no_longer_changes_its_cost(self) -> None:
        """A day that is called final keeps its billed cost, equal to what it served."""
        created = self._enabled("final")
        final = {day.day: day for day in self._report(created, 72).days if day.final}
        require(bool(final), "Days must become final within two days.")
        for day in self._report(created, 240).days:
            same = day.day not in final or day.cost_micros == final[day.day].cost_micros == day.served_micros
            require(same, "A final day must not change its cost.", day)

    def _created(self, name: str) -> CampaignState:
        return self.platform().create_paused(self.spec(name), self.start)

    def _enabled(self, name: str) -> CampaignState:
        created = self._created(name)
        self.platform().enable(created.account, created.platform_id, self.start)
        return created

    def _write_all(
        self,
        of: CampaignState,
        budget: int,
        bids: tuple[int, ...],
        shares: tuple[tuple[float, ...], ...],
        end: datetime,
    ) -> None:
        platform, at = self.platform(), self.later(1)
        platform.set_budget(of.account, of.platform_id, budget, at)
        platform.set_delivery(of.account, of.platform_id, bids, shares, at)
        platform.set_end(of.account, of.platform_id, end, at)
        platform.enable(of.account, of.platform_id, at)

    def _read(self, name: str) -> CampaignState:
        state = self.platform().find(self.spec(name).account, name)
        if state is None:
            raise PlatformNonConformance(f"find must return the campaign {name!r} that was created.")
        return state

    def _names(self) -> list[str]:
        return [state.external_name for state in self.platform().campaigns(self.spec("any").account)]

    def _report(self, of: CampaignState, hours: float) -> CampaignReport:
        return self.platform().report(of.account, of.platform_id, self.later(hours))


def _error(call: Callable[[], object]) -> PlatformError | None:
    try:
        call()
    except PlatformError as error:
        return error
    return None


def _served(report: CampaignReport) -> int:
    return sum(max(day.cost_micros, day.served_micros) for day in report.days)


def _total(report: CampaignReport, name: str) -> float:
    return float(sum(getattr(day, name) for day in report.days))
