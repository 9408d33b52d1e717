"""The emulator, as a real process over real HTTP, keeps every rule of the conformance kit; and the kit can fail."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from gaelp.domain.platform_records import CampaignReport, CampaignSpec, CampaignState
from gaelp.platforms.emulator.client import EmulatorPlatform
from gaelp.platforms.platform_conformance import PlatformConformance, PlatformNonConformance
from gaelp.platforms.protocol import AdPlatform
from tests.support.emulators import TOKEN, market


class TestEmulatorConforms(PlatformConformance):
    """Each rule in an account of its own."""

    @pytest.fixture(autouse=True)
    def _open(self, server: Any, request: pytest.FixtureRequest) -> Iterator[None]:
        self._platform, self._account = server.platform(), request.node.name
        self._platform.open_world(self._account, market())
        yield
        self._platform.close()

    def platform(self) -> AdPlatform:
        return self._platform

    def spec(self, name: str) -> CampaignSpec:
        return super().spec(name).model_copy(update={"account": self._account})


class _Broken(EmulatorPlatform):
    """Does not pause, enables what it creates, and reports three times what was billed."""

    def create_paused(self, spec: CampaignSpec, at: Any) -> CampaignState:
        created = super().create_paused(spec, at)
        self.enable(spec.account, created.platform_id, at)
        return created

    def pause(self, account: str, platform_id: str, at: Any) -> None:
        return None

    def report(self, account: str, platform_id: str, at: Any) -> CampaignReport:
        report = super().report(account, platform_id, at)
        days = tuple(day.model_copy(update={"cost_micros": 3 * day.cost_micros}) for day in report.days)
        return report.model_copy(update={"days": days})


@pytest.mark.parametrize(
    ("rule", "named"),
    [
        ("test_create_is_paused_and_spends_nothing", "never enabled must not spend"),
        ("test_pause_really_stops_spend", "paused campaign must not spend"),
        ("test_a_day_never_exceeds_twice_its_budget", "must not bill more than 2x"),
        ("test_reports_are_monotone", "cells' cost_micros must sum"),
    ],
)
def test_the_kit_names_what_a_broken_platform_breaks(server: Any, rule: str, named: str) -> None:
    """A platform that breaks a rule fails the kit with that rule's name."""
    kit = TestEmulatorConforms()
    broken = _Broken(server.url, TOKEN)
    kit._platform, kit._account = broken, f"broken-{rule}"
    broken.open_world(kit._account, market())
    with pytest.raises(PlatformNonConformance, match=named):
        getattr(kit, rule)()
