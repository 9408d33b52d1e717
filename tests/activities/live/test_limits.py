"""The configuration's own limits, beside the caps that a person approved."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from gaelp.configuration import loading
from gaelp.domain.platform_records import CampaignReport
from tests.support.campaign_stand import UNIT, Stand


def limited(stand: Stand, **limits: str) -> Stand:
    """The campaign of a configuration with those limits. Loading would refuse caps above them, the ledger must too."""
    config = stand.inputs.config(stand.campaign.context.config_digest)
    update = {name: Decimal(amount) for name, amount in limits.items()}
    changed = config.model_copy(update={"limits": config.limits.model_copy(update=update)})
    stand.inputs.store.put_document(loading.canonical(changed))
    context = stand.campaign.context.model_copy(update={"config_digest": loading.digest(changed)})
    return replace(stand, campaign=stand.campaign.model_copy(update={"context": context}))


@pytest.mark.parametrize(
    ("limit", "name"),
    [("campaign", "campaign's limit"), ("run", "run's limit"), ("daily", "run's limit per account and day")],
)
def test_the_runs_own_limits_reach_the_ledger(stand: Stand, limit: str, name: str) -> None:
    """A first day whose worst case is 50.00 is refused by each limit that is a cent smaller, under its own name."""
    refused = limited(stand, **{limit: "49.99"}).launch()
    assert not refused.launched
    assert f"the {name} of 49.99 USD leaves 49.99 USD" in refused.reason
    assert stand.ledger.open_exposure(stand.account) == 0
    assert limited(stand, **{limit: "50.00"}).launch().launched


def test_a_day_that_the_platform_does_not_call_final_stays_reserved_however_late(stand: Stand) -> None:
    """The books of the day closed long ago, and while the platform may still correct it, it counts in full."""
    stand.running()

    def unfinished(report: CampaignReport) -> CampaignReport:
        days = tuple(day.model_copy(update={"final": False}) for day in report.days)
        return report.model_copy(update={"days": days})

    stand.platform.changed["report"] = unfinished
    late = stand.settle(24 + 240, final=True)
    assert late.days and not late.final
    (day,) = stand.ledger.reservations(stand.account)
    assert (day.state, day.final_micros, day.counted_micros) == ("open", None, 50 * UNIT)
