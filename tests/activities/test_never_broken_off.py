"""A cancelled activity that writes money, rows or campaigns goes on to its end."""

from __future__ import annotations

import importlib
import inspect
import pkgutil

from temporalio import activity

import activities.live
import activities.records
from tests.support.campaign_fixture import CampaignFixture


def _threaded(package: object) -> dict[str, bool]:
    """The synchronous activities of a folder by name, and whether a cancellation raises nothing within them."""
    found = {}
    for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):  # type: ignore[attr-defined]
        for _, owner in inspect.getmembers(importlib.import_module(module.name), inspect.isclass):
            for method in vars(owner).values():
                definition = activity._Definition.from_callable(method) if callable(method) else None
                if definition is not None and not definition.is_async:
                    found[str(definition.name)] = definition.no_thread_cancel_exception
    return found


def test_no_cancellation_raises_within_an_activity_that_writes() -> None:
    """An exception out of nowhere may leave a lock held for ever: then no campaign of the worker is paused any more."""
    found = {**_threaded(activities.live), **_threaded(activities.records)}
    assert {"apply_and_observe", "pause_and_settle", "reap", "stop_account", "keep_result"} <= set(found)
    assert [name for name, whole in found.items() if not whole] == []


def test_a_write_that_is_cancelled_is_made_in_full(fixture: CampaignFixture) -> None:
    """Temporal cancels between two calls to the platform: the campaign is enabled, read back, and no claim is open."""
    fixture.launch()
    fixture.platform.after["set_delivery"] = fixture.temporal.cancel
    assert fixture.apply().applied
    found = fixture.found()
    assert found is not None and found.enabled
    assert fixture.ledger.unresolved_claims(fixture.account) == ()
