"""What the emulator does with time, budgets and leases, without HTTP."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors import numpy as safetensors_numpy

from gaelp.domain.billing.budget_histories import BudgetHistory, BudgetSet, lawful_total_micros
from gaelp.domain.config.configuration import TrainingConfiguration
from gaelp.market.calibration.calibrate import calibrate
from gaelp.platforms.emulator import hidden_world, service
from gaelp.platforms.emulator.campaign_store import Store
from gaelp.platforms.emulator.delivery import Delivery
from gaelp.platforms.emulator.refusal import Refusal
from gaelp.platforms.emulator.service import Emulator
from gaelp.platforms.emulator.settings_timeline import DAY, HOUR, InForce, Timeline, to_us
from gaelp.platforms.emulator.wire import Create
from tests.support.emulators import START, busy_market, make_spec

Make = Callable[..., Emulator]


def at(hours: float) -> datetime:
    return START + timedelta(hours=hours)


def launch(emulator: Emulator, name: str = "one", when: datetime = START, **changes: Any) -> str:
    spec = make_spec(name, **changes)
    created = emulator.create(spec.account, Create(spec=spec, at=when))
    emulator.write(spec.account, created.platform_id, when, enabled=True)
    return created.platform_id


def launch_on(*emulators: Emulator) -> str:
    """The same campaign on each; its id is the same on all."""
    (campaign,) = {launch(emulator) for emulator in emulators}
    return campaign


def served(emulator: Emulator, campaign: str, hours: float) -> int:
    return sum(day.served_micros for day in emulator.report("acme", campaign, at(hours)).days)


def test_hourly_steps_equal_one_jump(in_process: Make) -> None:
    """Asking every hour, at odd instants, or once after four days gives the same report."""
    hourly, odd, jump = in_process(), in_process(), in_process()
    campaign = launch_on(hourly, odd, jump)
    for hour in range(96):
        hourly.report("acme", campaign, at(hour))
    for hour in np.cumsum([0.3, 7.7, 0.01, 30.5, 3.14]):
        odd.report("acme", campaign, at(float(hour)))
    reports = [emulator.report("acme", campaign, at(96)) for emulator in (hourly, odd, jump)]
    assert reports[0] == reports[1] == reports[2]
    assert reports[0].days[0].clicks > 0


def test_a_restarted_server_goes_on_as_if_nothing_happened(in_process: Make) -> None:
    """A server opened on another's file after two days reports what the one that never stopped reports."""
    whole, first = in_process(), in_process("kept.db")
    campaign = launch_on(whole, first)
    first.report("acme", campaign, at(50))
    first.write("acme", campaign, at(50), daily_budget_micros=30_000_000)
    first._store.close()
    whole.write("acme", campaign, at(50), daily_budget_micros=30_000_000)
    second = in_process("kept.db")
    assert second.report("acme", campaign, at(120)) == whole.report("acme", campaign, at(120))


def test_another_seed_or_name_gives_other_outcomes(in_process: Make) -> None:
    """Outcomes hang on the server's seed and on the campaign's name."""
    emulator, other = in_process(seed=3), in_process(seed=4)
    one, two, far = launch(emulator, "one"), launch(emulator, "two"), launch(other, "one")
    counts = {
        emulator.report("acme", one, at(24)).cells.impressions,
        emulator.report("acme", two, at(24)).cells.impressions,
    }
    assert len(counts | {other.report("acme", far, at(24)).cells.impressions}) == 3


def test_over_delivery_happens_and_stays_within_twice_the_budget(in_process: Make) -> None:
    """Some days bill more than the budget, one nearly twice, none more than twice, and most keep to it."""
    emulator = in_process()
    days = [
        day.served_micros / 25_000_000
        for campaign in [launch(emulator, f"campaign-{index}") for index in range(3)]
        for day in emulator.report("acme", campaign, at(24 * 14)).days
    ]
    assert 0.05 < np.mean(np.array(days) > 1.0) < 0.5
    assert 1.7 < max(days) <= 2.0


def test_without_over_delivery_no_day_exceeds_its_budget(in_process: Make) -> None:
    """With --overdelivery 1 the budget is a hard cap."""
    emulator = in_process(overdelivery=1.0)
    days = emulator.report("acme", launch(emulator), at(24 * 14)).days
    assert max(day.served_micros for day in days) <= 25_000_000
    assert min(day.served_micros for day in days) > 20_000_000


def test_the_highest_budget_of_the_day_bounds_the_day(in_process: Make) -> None:
    """After a cut at noon the day may bill up to twice the morning's budget, and the next day twice the new one."""
    emulator = in_process()
    for index in range(8):
        campaign = launch(emulator, f"campaign-{index}", end_at=at(48))
        emulator.write("acme", campaign, at(12), daily_budget_micros=5_000_000)
        first, second = emulator.report("acme", campaign, at(48)).days
        assert first.served_micros <= 50_000_000
        assert 0 < second.served_micros <= 10_000_000


def test_a_month_bills_at_most_30_4_daily_budgets(in_process: Make) -> None:
    """However often the platform over-delivers, a calendar month stays within 30.4 budgets."""
    emulator = in_process()
    campaign = launch(emulator, "long", START - timedelta(days=1), end_at=START + timedelta(days=29))
    report = emulator.report("acme", campaign, at(24 * 35))
    november = [day.served_micros for day in report.days if day.day.month == 11]
    assert len(november) == 30
    assert 29 * 25_000_000 < sum(november) <= 30.4 * 25_000_000
    assert max(november) > 25_000_000


class _DoublesEveryDay(Delivery):
    """Over-delivers as far as it may on every day."""

    def day_factor(self, name: str, day: int) -> float:
        return self.overdelivery


def _november(emulator: Emulator, edits: dict[float, int]) -> tuple[int, int]:
    """What a campaign of 25 a day bills in November with changes at these hours of it, and what it lawfully may."""
    begins, ends = START - timedelta(days=1), START + timedelta(days=29)
    campaign = launch(emulator, "long", begins, end_at=ends)
    for hour, budget in edits.items():
        emulator.write("acme", campaign, begins + timedelta(hours=hour), daily_budget_micros=budget)
    budgets = [(0.0, 25_000_000), *edits.items()]
    sets = tuple(BudgetSet(begins + timedelta(hours=hour), micros) for hour, micros in budgets)
    lawful = lawful_total_micros(BudgetHistory("emulator", "USD", "UTC", sets, ends))
    return sum(day.served_micros for day in emulator.report("acme", campaign, at(24 * 35)).days), lawful


@pytest.mark.parametrize(
    ("edits", "lawful"),
    [
        ({}, 760_000_000),
        ({24.0 * day: 25_000_000 - day % 2 * 10_000 for day in range(1, 30)}, 1_474_710_000),
        ({24.0 * 16: 25_010_000}, 1_110_140_000),
        ({24.0 * 5 + 23.5: 10_000_000}, 550_000_000),
    ],
    ids=["no change", "a cent at each midnight", "a cent on the 17th", "a cut late on the 6th"],
)
def test_over_delivery_reaches_the_lawful_limit_of_a_month_and_not_more(
    in_process: Make, edits: dict[float, int], lawful: int
) -> None:
    """Where it may double every day, November bills the limit that its changes allow, nearly in full."""
    emulator = in_process()
    emulator._delivery = _DoublesEveryDay(3)
    billed, most = _november(emulator, edits)
    assert most == lawful
    assert 0.98 * lawful < billed <= lawful


@pytest.mark.parametrize("seed", range(6))
def test_no_changes_at_any_hour_let_it_bill_more_than_lawful(in_process: Make, seed: int) -> None:
    """Whatever is changed at whatever minute, also after a restart in between."""
    draw = np.random.default_rng(seed)
    emulator = in_process()
    emulator._delivery = _DoublesEveryDay(3)
    hours = np.sort(draw.uniform(0, 719, 6))
    billed, lawful = _november(emulator, {float(hour): int(draw.integers(1, 4000)) * 10_000 for hour in hours})
    assert 0 < billed <= lawful


def test_a_restarted_server_keeps_to_the_limit_of_the_last_change(in_process: Make) -> None:
    """What was billed since the last change is known again after a restart."""
    emulator = in_process("kept.db")
    emulator._delivery = _DoublesEveryDay(3)
    campaign = launch(emulator, end_at=at(24 * 29))
    emulator.write("acme", campaign, at(24 * 20), daily_budget_micros=24_000_000)
    before = served(emulator, campaign, 24 * 25)
    emulator._store.close()
    again = in_process("kept.db")
    again._delivery = _DoublesEveryDay(3)
    # The change was on the 22nd: 9 days of 24, of which five days have billed twice as much.
    assert served(again, campaign, 24 * 40) - before <= 9 * 24_000_000 - 4 * 48_000_000


def test_a_pause_within_an_hour_stops_at_once(in_process: Make) -> None:
    """Paused at 12:15, a campaign serves a part of that hour and nothing after."""
    emulator, never = in_process(), in_process()
    campaign = launch_on(emulator, never)
    emulator.write("acme", campaign, at(12.25), enabled=False)
    before, paused, whole = served(never, campaign, 12), served(emulator, campaign, 40), served(never, campaign, 13)
    assert before < paused < before + 0.6 * (whole - before)


def test_a_write_never_takes_effect_in_the_past(in_process: Make) -> None:
    """A pause dated before the instant reached stops from there on, and what was served stays."""
    emulator = in_process()
    campaign = launch(emulator)
    known = served(emulator, campaign, 20)
    emulator.write("acme", campaign, at(5), enabled=False)
    assert served(emulator, campaign, 60) == known > 0


def test_a_pause_without_an_instant_holds_from_the_instant_reached(in_process: Make) -> None:
    """The emergency stop, which knows no campaign time, stops what is served after the last instant asked about."""
    emulator = in_process()
    campaign = launch(emulator)
    known = served(emulator, campaign, 9)
    emulator.write("acme", campaign, None, enabled=False)
    assert served(emulator, campaign, 60) == known > 0


def test_cost_and_conversions_appear_late(in_process: Make) -> None:
    """Served runs ahead of billed by the lag; conversions keep coming to a click-day that has ended."""
    emulator = in_process(lag=6.0)
    emulator.put_world("acme", safetensors_numpy.save(busy_market().to_arrays()))
    campaign = launch(emulator)
    noon, evening = emulator.report("acme", campaign, at(12)), emulator.report("acme", campaign, at(18))
    assert noon.days[0].served_micros > noon.days[0].cost_micros > 0
    assert evening.days[0].cost_micros == noon.days[0].served_micros
    soon, late = (emulator.report("acme", campaign, at(hours)).days[0] for hours in (30, 24 * 20))
    assert soon.final and not soon.matured and late.matured
    assert soon.cost_micros == late.cost_micros
    assert 0 < soon.conversions < 0.8 * late.conversions


def test_a_matured_day_has_most_of_its_conversions(in_process: Make) -> None:
    """When a day first counts as matured, about nine in ten of its conversions have been reported."""
    emulator = in_process()
    emulator.put_world("acme", safetensors_numpy.save(busy_market().to_arrays()))
    campaign = launch(emulator, end_at=at(24), daily_budget_micros=90_000_000)
    hour = next(h for h in range(24, 400) if emulator.report("acme", campaign, at(h)).days[0].matured)
    then, ever = (emulator.report("acme", campaign, at(h)).days[0].conversions for h in (hour, 1000))
    assert 0.87 < then / ever <= 1.0


def test_products_differ_and_those_ending_in_c_are_poor(in_process: Make) -> None:
    """product-a converts as the market does, a product ending in -c at three tenths of it."""
    emulator = in_process()
    emulator.put_world("acme", safetensors_numpy.save(busy_market().to_arrays()))
    counts = {}
    for product in ("product-a", "product-c"):
        campaign = launch(emulator, product, product=product, end_at=at(240))
        counts[product] = sum(day.conversions for day in emulator.report("acme", campaign, at(720)).days)
    assert counts["product-a"] > 500
    assert 0.25 < counts["product-c"] / counts["product-a"] < 0.35


def test_an_hour_is_served_at_its_own_prices(in_process: Make) -> None:
    """In a world whose afternoons cost the most that there is, a campaign wins in the morning and none after noon."""
    market, emulator = busy_market(), in_process()
    by_hour = np.stack([market.prices.cdf] * 24)
    by_hour[12:, :, :-1] = 0.0
    emulator.put_world(
        "acme",
        safetensors_numpy.save(replace(market, prices=replace(market.prices, by_hour=by_hour)).to_arrays()),
    )
    campaign = launch(emulator)
    reports = [emulator.report("acme", campaign, at(hours)).cells.impressions for hours in (12, 24, 36)]
    morning, day, next_morning = (int(np.sum(each)) for each in reports)
    assert 0 < morning == day < next_morning


def test_the_hidden_world_differs_from_the_base_by_seed() -> None:
    """The shift is deterministic, hangs on the server's seed, and is about as large as stated."""
    base = calibrate((), TrainingConfiguration())
    one, again, other = (hidden_world.shifted(base, seed) for seed in (3, 3, 4))
    ratio = np.log(one.ctr / base.ctr)
    assert 0.1 < ratio.std() < 0.2
    assert np.array_equal(one.ctr, again.ctr) and not np.array_equal(one.ctr, other.ctr)
    assert one.lag_days > base.lag_days
    level = one.prices.low / base.prices.low
    assert np.allclose(level, one.prices.high / base.prices.high) and not np.allclose(level, 1.0)


def test_a_failed_write_leaves_memory_and_file_alike(in_process: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the file refuses a change, neither the change nor the hours served for it are kept anywhere."""
    emulator = in_process()
    campaign = launch(emulator)
    with monkeypatch.context() as broken:
        broken.setattr(emulator._store, "add_change", lambda *_: (_ for _ in ()).throw(OSError("disk full")))
        with pytest.raises(OSError, match="disk full"):
            emulator.write("acme", campaign, at(5), daily_budget_micros=1)
    assert emulator.read("acme", campaign).daily_budget_micros == 25_000_000
    assert emulator.truth()[0].reached == START


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"account": "other"}, "is for account 'other'"),
        ({"bid_micros": (1, 2)}, "2 bids for 4 segments"),
        ({"creative_prob": ((1.0,),) * 4}, "not 4 segments x 3 creatives"),
        ({"end_at": START - timedelta(hours=1)}, "lies before"),
        ({"external_name": ""}, "name has 0"),
        ({"creatives": (), "creative_prob": ((),) * 4}, "at least one segment and one creative"),
    ],
)
def test_a_campaign_that_does_not_fit_is_refused(in_process: Make, changes: dict[str, Any], said: str) -> None:
    """A refusal says in one sentence what does not fit, and nothing is created."""
    emulator = in_process()
    request = Create.model_construct(spec=make_spec("one").model_copy(update=changes), at=START)
    with pytest.raises(Refusal, match=said):
        emulator.create("acme", request)
    assert emulator.campaigns("acme", None) == ()


def test_a_campaign_of_other_sizes_than_the_uploaded_world_is_refused(in_process: Make) -> None:
    """With an uploaded world sizes must agree; the default world of other accounts fits any campaign."""
    emulator = in_process()
    assert emulator.create("worldless", Create(spec=make_spec("any", "worldless"), at=START)).external_name == "any"
    emulator.put_world("acme", safetensors_numpy.save(busy_market(creatives=5).to_arrays()))
    with pytest.raises(Refusal, match="4 segments x 3 creatives, the account's world 4 x 5"):
        launch(emulator)


def test_a_new_world_leaves_earlier_campaigns_in_theirs(in_process: Make) -> None:
    """A world uploaded later changes no outcome of a campaign that was created before."""
    emulator, same = in_process("changed.db"), in_process()
    campaign = launch_on(emulator, same)
    emulator.put_world("acme", safetensors_numpy.save(busy_market().to_arrays()))
    emulator._store.close()
    again = in_process("changed.db")
    assert again.report("acme", campaign, at(48)) == same.report("acme", campaign, at(48))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"ctr": None}, "has no array 'ctr'"),
        ({"cvr": np.full((4, 2), 0.1)}, r"'cvr' has shape \(4, 2\)"),
        ({"lag_days": np.array([np.nan])}, "'lag_days' has values that are not finite"),
        ({"ctr": np.full((4, 3), 1.5)}, "rates outside"),
        ({"price_cdf": None}, "has no array 'price_cdf'"),
        ({"price_cdf": np.tile([0.0, 0.7, 0.6], (4, 1))}, "'price_cdf' must rise"),
        ({"price_cdf_by_hour": np.zeros((23, 4, 401))}, "'price_cdf_by_hour' has shape"),
        ({"price_cdf_by_hour": np.full((24, 4, 401), np.nan)}, "'price_cdf_by_hour' must rise"),
        ({"price_high": np.full(4, 1.0)}, "0 < price_low < price_high"),
    ],
)
def test_a_world_that_cannot_serve_is_refused(in_process: Make, change: dict[str, Any], said: str) -> None:
    """A refusal names the array."""
    arrays = {name: value for name, value in {**busy_market().to_arrays(), **change}.items() if value is not None}
    with pytest.raises(Refusal, match=said):
        in_process().put_world("acme", safetensors_numpy.save(arrays))


def test_bytes_that_are_no_arrays_are_refused(in_process: Make) -> None:
    """Anything but safetensors is refused, not unpickled."""
    with pytest.raises(Refusal, match="cannot be used"):
        in_process().put_world("acme", b"\x80\x04K\x01.")


def test_a_timeline_knows_every_budget_of_a_day() -> None:
    """A budget that held for no time counts for its day; one replaced at midnight does not count for the next.

    So it is once the other settings of a write are forgotten, which nobody is given then.
    """
    line = Timeline()
    first = InForce(
        enabled=True,
        daily_budget_micros=5,
        end_us=9 * DAY,
        bid_micros=(1,),
        creative_prob=((1.0,),),
        conversion_factor=1,
    )
    for instant, budget in ((0, 5), (HOUR, 90), (HOUR, 7), (DAY, 6), (DAY + HOUR, 4)):
        line.append(instant, first.model_copy(update={"daily_budget_micros": budget}))
    assert line.highest_budget(0, DAY - 1) == 90
    assert line.highest_budget(DAY, DAY + 2 * HOUR) == 6
    assert line.highest_budget(2 * DAY, 3 * DAY) == 4
    with pytest.raises(ValueError, match="may not precede"):
        line.append(0, first)
    line.forget_before(DAY + HOUR)
    assert (len(line), line.highest_budget(0, DAY - 1), line.budget_at(0)) == (5, 90, 5)
    assert [piece.settings.daily_budget_micros for piece in line.pieces(DAY + HOUR, 2 * DAY)] == [4]
    with pytest.raises(ValueError, match="not kept any more"):
        line.pieces(0, HOUR)


def test_the_default_world_is_that_of_the_file(in_process: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the project's defaults change, an account without a world keeps the one of its file."""
    first, same = in_process("kept.db"), in_process()
    for emulator in (first, same):
        emulator.create("worldless", Create(spec=make_spec("one", "worldless"), at=START))
        emulator.write("worldless", "1", START, enabled=True)
    first._store.close()
    changed = TrainingConfiguration.model_validate({"market": {"hourly_auctions": 77}})
    monkeypatch.setattr("gaelp.platforms.emulator.service.TrainingConfiguration", lambda: changed)
    again = in_process("kept.db")
    assert again.report("worldless", "1", at(30)) == same.report("worldless", "1", at(30))
    assert again.truth()[0].impressions > 0


def _readings(emulator: Emulator, monkeypatch: pytest.MonkeyPatch, campaigns: list[str], days: int) -> int:
    """How often hours are read from the file while campaigns are asked in turn, once a day."""
    read, readings = emulator._store.hours, []
    monkeypatch.setattr(emulator._store, "hours", lambda campaign: readings.append(campaign) or read(campaign))
    for day in range(1, days + 1):
        for campaign in campaigns:
            emulator.report("acme", campaign, at(24 * day))
    return len(readings)


def test_many_campaigns_are_not_read_anew_at_each_use(in_process: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """A hundred campaigns used in turn are never read from the file again, however old they become."""
    emulator = in_process()
    campaigns = [launch(emulator, f"run/phase/campaign-{number:03d}") for number in range(100)]
    assert _readings(emulator, monkeypatch, campaigns, 3) == 0


def test_beyond_its_memory_the_oldest_campaigns_are_read_anew(
    in_process: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is forgotten is read again and reports the same; the size that is counted stays within the limit."""
    emulator, other = in_process(), in_process()
    campaigns = [launch(emulator, f"run/phase/campaign-{number}") for number in range(5)]
    for number in range(5):
        launch(other, f"run/phase/campaign-{number}")
    limit = 200_000
    monkeypatch.setattr(service, "KEPT_BYTES", limit)
    assert _readings(emulator, monkeypatch, campaigns, 3) > 0
    assert sum(emulator._sizes.values()) <= limit and len(emulator._kept) < 5
    reports = [emulator.report("acme", campaign, at(72)) for campaign in campaigns]
    assert reports == [other.report("acme", c, at(72)) for c in campaigns]


def test_an_old_campaign_takes_no_more_memory_for_its_hours(in_process: Make) -> None:
    """After 40 days the hours of the last three are kept, and of each day before its sums: half a kilobyte."""
    emulator = in_process()
    campaign = launch(emulator, "run/phase/campaign-0")
    emulator.write("acme", campaign, at(0), end_us=to_us(at(24 * 60)))
    sizes = []
    for day in range(1, 41):
        emulator.report("acme", campaign, at(24 * day))
        sizes.append(emulator._sizes[int(campaign)])
    kept = emulator._kept[int(campaign)]
    assert len(kept.hours) <= 3 * 24 and kept.closed.hours + len(kept.hours) == emulator.truth()[0].hours == 40 * 24
    assert sizes[-1] - sizes[9] < 30 * 800


def test_a_report_of_an_earlier_instant_is_the_same_once_its_days_are_closed(in_process: Make) -> None:
    """Asked for again as of any earlier hour, a campaign of 20 days answers as it did then, and goes on as it would."""
    emulator, undisturbed = in_process(), in_process()
    for each in (emulator, undisturbed):
        launch(each, "run/phase/campaign-0")
        each.write("acme", "1", at(0), end_us=to_us(at(24 * 60)))
    instants = [at(hours) for hours in (1, 23, 24, 30, 49, 24 * 9, 24 * 9 + 5, 24 * 18, 24 * 19 + 1, 24 * 20)]
    first = [emulator.report("acme", "1", instant) for instant in instants]
    assert [emulator.report("acme", "1", instant) for instant in reversed(instants)] == first[::-1]
    assert sum(day.conversions for day in first[-1].days) > 0 and any(day.matured for day in first[-1].days)
    assert emulator.report("acme", "1", at(24 * 25)) == undisturbed.report("acme", "1", at(24 * 25))
    assert emulator.truth() == undisturbed.truth()


@pytest.mark.parametrize(("wanted", "pragma"), [((), 2), (("normal",), 1)])
def test_the_file_waits_for_the_disk_unless_it_is_told_otherwise(
    tmp_path: Path, wanted: tuple[Any, ...], pragma: int
) -> None:
    """SQLite is set to FULL (2), and to NORMAL (1) only where it is asked for, as the demos do."""
    store = Store(tmp_path / "emulator.db", 1, *wanted)
    assert store._db.execute("PRAGMA synchronous").fetchone()[0] == pragma
    store.close()
