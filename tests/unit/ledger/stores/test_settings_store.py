"""What the ledger remembers of the settings that we wrote to a campaign."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from gaelp.domain.platform_records import CampaignState
from gaelp.ledger.ledger import Ledger
from gaelp.ledger.stores.settings_store import MOST_BEGUN
from tests.support import ledgers as kit
from tests.support.ledgers import NOW, UNIT

NAME = "run-a/live-test/campaign-00"
LATER = NOW + timedelta(hours=1)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """The account acme."""
    opened = kit.prepared_file(tmp_path / "ledger.db")
    yield opened
    opened.close()


def state(budget: int = 1, *, name: str = NAME, enabled: bool = True) -> CampaignState:
    return CampaignState(
        platform_id=f"id of {name}", external_name=name, account="acme", enabled=enabled,
        daily_budget_micros=budget * UNIT, end_at=NOW, bid_micros=(1, 2), creative_prob=((0.5, 0.5), (1.0, 0.0)),
        content_digest="c" * 64,
    )  # fmt: skip


def test_nothing_is_known_of_a_campaign_that_was_never_written(ledger: Ledger) -> None:
    """Also where another one was, and a pause of it adds nothing to remember."""
    ledger.settings_written(state(), NOW)
    assert ledger.written_settings("another") == ()
    ledger.settings_paused("another", LATER)
    assert ledger.written_settings("another") == ()
    assert ledger.written_settings(NAME) == (state(),)


def test_what_was_begun_stands_beside_what_was_confirmed_until_it_is_read_back(ledger: Ledger) -> None:
    """Either may be what the platform shows; the reading decides."""
    ledger.settings_written(state(1), NOW)
    ledger.settings_begun(state(2), LATER)
    ledger.settings_begun(state(3), LATER)
    assert ledger.written_settings(NAME) == (state(1), state(2), state(3))
    ledger.settings_written(state(3), LATER)
    assert ledger.written_settings(NAME) == (state(3),)


def test_the_first_write_has_nothing_before_it(ledger: Ledger) -> None:
    """It counts as what was confirmed, because nothing else can be there."""
    ledger.settings_begun(state(1), NOW)
    assert ledger.written_settings(NAME) == (state(1), state(1))


def test_a_write_that_is_begun_again_is_the_newest_and_stands_once(ledger: Ledger) -> None:
    """A retry of the same settings is no other write."""
    ledger.settings_written(state(1), NOW)
    for budget in (2, 3, 2):
        ledger.settings_begun(state(budget), LATER)
    assert ledger.written_settings(NAME) == (state(1), state(3), state(2))


def test_only_the_last_writes_are_remembered(ledger: Ledger) -> None:
    """An older one has been overwritten since; what was confirmed stays."""
    ledger.settings_written(state(1), NOW)
    budgets = range(2, 2 + MOST_BEGUN + 3)
    for budget in budgets:
        ledger.settings_begun(state(budget), LATER)
    assert ledger.written_settings(NAME) == (state(1), *(state(budget) for budget in budgets[-MOST_BEGUN:]))


def test_a_pause_is_remembered_in_whatever_else_was_being_written(ledger: Ledger) -> None:
    """Of this campaign, and of no other one."""
    other = state(9, name="run-a/live-test/campaign-01")
    ledger.settings_written(state(1), NOW)
    ledger.settings_begun(state(2), NOW)
    ledger.settings_written(other, NOW)
    ledger.settings_paused(NAME, LATER)
    assert ledger.written_settings(NAME) == (state(1, enabled=False), state(2, enabled=False))
    assert ledger.written_settings(other.external_name) == (other,)


def test_a_pause_that_is_about_to_be_made_stands_beside_what_was_written(ledger: Ledger) -> None:
    """It is the newest settings, paused, so that it is not taken for somebody else's; other campaigns have none."""
    other = state(9, name="run-a/live-test/campaign-01")
    ledger.settings_written(state(1), NOW)
    ledger.settings_begun(state(2), NOW)
    ledger.settings_written(other, NOW)
    ledger.settings_pausing(NAME, LATER)
    assert ledger.written_settings(NAME) == (state(1), state(2), state(2, enabled=False))
    assert ledger.written_settings(other.external_name) == (other,)
    ledger.settings_pausing("another", LATER)
    assert ledger.written_settings("another") == ()
