"""The emulator's verbs, without HTTP.

It is not for concurrent use: the server calls it from one event loop, so verbs happen one after another. Touch this to
change what a verb does.
"""

from __future__ import annotations

import sqlite3
from collections import Counter, OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, time

import safetensors
from safetensors import numpy as safetensors_numpy

from gaelp.domain.config.configuration import TrainingConfiguration
from gaelp.domain.platform_records import CampaignReport, CampaignSpec, CampaignState, Creative
from gaelp.market.calibration.calibrate import calibrate
from gaelp.market.parameters import MarketParameters
from gaelp.platforms.emulator import campaign_reports, hidden_world, request_checks
from gaelp.platforms.emulator.campaign_store import Store
from gaelp.platforms.emulator.delivery import Campaign, Delivery
from gaelp.platforms.emulator.hidden_world import PlannedChange
from gaelp.platforms.emulator.refusal import DUPLICATE_NAME, NOT_FOUND, Refusal
from gaelp.platforms.emulator.settings_timeline import HOUR, InForce, Timeline, to_us
from gaelp.platforms.emulator.wire import Create, Truth

# Bytes of the histories of all campaigns in memory; what is beyond is read from the file when asked for, which costs
# the more the older a campaign is. A thousand campaigns of a month take some 200 million.
KEPT_BYTES = 2**30


class Emulator:
    """All accounts of one server."""

    def __init__(self, store: Store, delivery: Delivery, report_lag_hours: float) -> None:
        self._store, self._delivery = store, delivery
        self._report_lag_us = int(report_lag_hours * HOUR)
        self._kept: OrderedDict[int, Campaign] = OrderedDict()  # the one used last is the last
        self._sizes: Counter[int] = Counter()  # bytes of each
        default = calibrate((), TrainingConfiguration()).to_arrays()
        self._default = store.keep_default_world(safetensors_numpy.save(default))

    def put_world(self, account: str, arrays: bytes) -> str:
        """The account's base world for campaigns created from now on; returns its digest."""
        try:
            hidden_world.parsed(safetensors_numpy.load(arrays))
        except (safetensors.SafetensorError, hidden_world.InvalidWorld) as error:
            raise Refusal(422, "INVALID_WORLD", f"The uploaded world cannot be used: {error}.") from error
        with self._store.transaction():
            return self._store.put_world(account, arrays)

    def world_sizes(self, account: str) -> tuple[int, int] | None:
        """Segments and creatives of the account's own world; None where it has none and takes any campaign."""
        digest = self._store.account_world(account)
        if digest is None:
            return None
        segments, creatives = MarketParameters.from_arrays(safetensors_numpy.load(self._store.world(digest))).ctr.shape
        return segments, creatives

    def create(self, account: str, request: Create) -> CampaignState:
        """Create a campaign, paused; its name must be new in the account."""
        spec, at_us = request.spec, to_us(request.at)
        settings = _first_settings(spec, self._store.conversion_factor)
        digest = self._store.account_world(account) or self._default
        base = self._base(digest, spec.segments, len(spec.creatives))
        request_checks.new_campaign(spec, account, at_us, base.ctr.shape)
        try:
            with self._store.transaction():
                cursor = at_us // HOUR * HOUR
                campaign = self._store.add_campaign(spec, digest, at_us, cursor)
                self._store.add_change(campaign, 0, at_us, settings)
        except sqlite3.IntegrityError as error:
            name = f"Account {account!r} already has a campaign named {spec.external_name!r}."
            raise Refusal(409, DUPLICATE_NAME, name) from error
        return campaign_reports.state(self._campaign(account, str(campaign)))

    def campaigns(self, account: str, name: str | None) -> tuple[CampaignState, ...]:
        """States in the order of creation."""
        return tuple(
            campaign_reports.state(self._load(campaign)) for campaign in self._store.campaign_ids(account, name)
        )

    def read(self, account: str, platform_id: str) -> CampaignState:
        """One campaign as last written."""
        return campaign_reports.state(self._campaign(account, platform_id))

    def write(self, account: str, platform_id: str, at: datetime | None, **fields: object) -> CampaignState:
        """Set fields of InForce absolutely, from `at` or from the instant reached, whichever is later."""
        campaign = self._campaign(account, platform_id)
        at_us = max(campaign.reached, to_us(at)) if at else campaign.reached
        request_checks.write(campaign, at_us, fields)
        with self._all_or_nothing(campaign):
            self._advance(campaign, at_us)
            self._change(campaign, campaign.timeline.latest.model_copy(update=fields))
        return campaign_reports.state(campaign)

    def rename(self, account: str, platform_id: str, name: str) -> CampaignState:
        """Give a campaign another name; what it does goes on unchanged."""
        campaign = self._campaign(account, platform_id)
        with self._store.transaction():
            self._store.rename(int(campaign.platform_id), name)
        self._forget(int(platform_id))
        return self.read(account, platform_id)

    def edit_creatives(self, account: str, platform_id: str, creatives: tuple[Creative, ...]) -> CampaignState:
        """Replace a campaign's ads by as many others; what they earn goes on unchanged."""
        campaign = self._campaign(account, platform_id)
        request_checks.other_creatives(campaign, creatives)
        with self._store.transaction():
            self._store.put_creatives(int(platform_id), creatives)
        self._forget(int(platform_id))
        return self.read(account, platform_id)

    def report(self, account: str, platform_id: str, at: datetime | None) -> CampaignReport:
        """What the platform reports at `at`; an earlier instant than the one reached shows what was known then.

        None: at the instant reached, which stays.
        """
        campaign = self._campaign(account, platform_id)
        at_us = campaign.reached if at is None else to_us(at)
        if at_us > campaign.reached:
            with self._all_or_nothing(campaign):
                self._advance(campaign, at_us)
        if not campaign_reports.knows(campaign, at_us, self._report_lag_us):
            campaign = self._from_file(int(platform_id))
        told = campaign_reports.report(campaign, at_us, self._report_lag_us)
        return told.model_copy(update={"payment_failed": self._store.payment_failed(account)})

    def set_payment(self, account: str, failed: bool) -> None:
        """From now on the account can be charged, or cannot; its campaigns deliver as before, as if on credit."""
        with self._store.transaction():
            self._store.put_payment(account, failed)

    def set_conversion_factor(self, factor: float) -> None:
        """From the instant each campaign has reached, conversion rates are those of the world times `factor`."""
        with self._store.transaction():
            self._store.put_conversion_factor(factor)
        for identifier in self._store.campaign_ids():
            campaign = self._load(identifier)
            with self._all_or_nothing(campaign):
                self._change(campaign, campaign.timeline.latest.model_copy(update={"conversion_factor": factor}))

    def plan_change(self, change: PlannedChange) -> tuple[PlannedChange, ...]:
        """Plan a change of the world of campaigns, those to come among them; returns all changes of the account."""
        begins = datetime.combine(change.first_day, time(tzinfo=UTC))
        campaigns = [self._load(each) for each in self._store.campaign_ids(change.account)]
        concerned = [each for each in campaigns if change.concerns(change.account, each.external_name)]
        for campaign in concerned:
            request_checks.still_to_come(campaign, to_us(begins))
        with self._store.transaction():
            self._store.plan_change(change)
        for campaign in concerned:
            self._forget(int(campaign.platform_id))
        return self._store.planned_changes(change.account)

    def advance(self, at: datetime) -> int:
        """Push every campaign forward to `at`; returns how many there are."""
        identifiers = self._store.campaign_ids()
        for identifier in identifiers:
            campaign = self._load(identifier)
            with self._all_or_nothing(campaign):
                self._advance(campaign, max(campaign.reached, to_us(at)))
        return len(identifiers)

    def truth(self) -> tuple[Truth, ...]:
        """Everything, unreported facts included."""
        return tuple(campaign_reports.truth(self._load(identifier)) for identifier in self._store.campaign_ids())

    @contextmanager
    def _all_or_nothing(self, campaign: Campaign) -> Iterator[None]:
        """One transaction; when it fails the campaign is read again, so that memory never runs ahead of the file."""
        try:
            with self._store.transaction():
                yield
        except BaseException:
            self._forget(int(campaign.platform_id))
            raise

    def _advance(self, campaign: Campaign, at_us: int) -> None:
        hours = self._delivery.advance(campaign, at_us)
        self._store.add_hours(int(campaign.platform_id), hours, campaign.reached, campaign.cursor)
        if hours:
            self._keep(campaign)

    def _change(self, campaign: Campaign, settings: InForce) -> None:
        if settings == campaign.timeline.latest:
            return
        self._store.add_change(int(campaign.platform_id), len(campaign.timeline), campaign.reached, settings)
        campaign.timeline.append(campaign.reached, settings)

    def _campaign(self, account: str, platform_id: str) -> Campaign:
        row = self._store.campaign(int(platform_id)) if platform_id.isdecimal() and len(platform_id) < 19 else None
        if row is None or row["account"] != account:
            raise Refusal(404, NOT_FOUND, f"Account {account!r} has no campaign {platform_id!r}.")
        return self._load(int(platform_id))

    def _load(self, identifier: int) -> Campaign:
        if identifier not in self._kept:
            self._kept[identifier] = self._from_file(identifier)
            self._keep(self._kept[identifier])
        self._kept.move_to_end(identifier)
        return self._kept[identifier]

    def _keep(self, campaign: Campaign) -> None:
        """Close a campaign's old days, count what it takes, and forget those used longest ago beyond the limit."""
        campaign_reports.close_days(campaign, self._report_lag_us)
        identifier = int(campaign.platform_id)
        self._sizes[identifier] = campaign.size
        while self._sizes.total() > KEPT_BYTES and (oldest := next(iter(self._kept))) != identifier:
            self._forget(oldest)

    def _forget(self, identifier: int) -> None:
        """Have a campaign read again."""
        self._kept.pop(identifier, None)
        self._sizes.pop(identifier, None)

    def _from_file(self, identifier: int) -> Campaign:
        row = self._store.campaign(identifier) or {}
        timeline = Timeline()
        for at_us, settings in self._store.changes(identifier):
            timeline.append(at_us, settings)
        campaign = Campaign(
            platform_id=str(identifier),
            account=row["account"],
            external_name=row["external_name"],
            content_digest=self._store.content_digest(identifier),
            created_us=row["created_us"],
            world=self._world(row["world"], row["account"], row["product"], timeline.latest),
            timeline=timeline,
            changes=tuple(
                each
                for each in self._store.planned_changes(row["account"])
                if each.concerns(row["account"], row["external_name"])
            ),
            reached=row["reached_us"],
            cursor=row["cursor_us"],
        )
        for hour in self._store.hours(identifier):
            campaign.record(hour)
        return campaign

    def _world(self, digest: str, account: str, product: str, settings: InForce) -> MarketParameters:
        base = self._base(digest, len(settings.creative_prob), len(settings.creative_prob[0]))
        seed = self._delivery.seed
        return hidden_world.with_conversions(
            hidden_world.shifted(base, seed), hidden_world.product_factor(seed, product)
        )

    def _base(self, digest: str, segments: int, creatives: int) -> MarketParameters:
        base = MarketParameters.from_arrays(safetensors_numpy.load(self._store.world(digest)))
        return hidden_world.fitted(base, segments, creatives) if digest == self._default else base


def _first_settings(spec: CampaignSpec, factor: float) -> InForce:
    return InForce(
        enabled=False,
        daily_budget_micros=spec.daily_budget_micros,
        end_us=to_us(spec.end_at),
        bid_micros=spec.bid_micros,
        creative_prob=spec.creative_prob,
        conversion_factor=factor,
    )
