"""Many at once: no interleaving and no crowd of processes books more than a cap allows."""

from __future__ import annotations

import multiprocessing
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from gaelp.ledger.ledger import Ledger
from tests.support import ledgers as kit
from tests.support.ledgers import DAY, NOW, UNIT, booking

PROCESSES = 3
ASKS = 15


class Books(RuleBasedStateMachine):
    """The ledger beside a model of it in three dictionaries."""

    DAILY, TOTAL, CAMPAIGN, RUN = 50, 120, 60, 110

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.mkdtemp(prefix="gaelp-books-")
        self.ledger = kit.prepared_file(Path(self.folder, "ledger.db"))
        self.stops = self.ledger.raise_fence("acme", "the kit's approval is wider than the model's", "Ada", NOW)
        self._approve()
        self.worst: dict[tuple[int, int], int] = {}
        self.posted: dict[tuple[int, int], int] = {}
        self.final: dict[tuple[int, int], int] = {}
        self.step = 0
        self.excess = False  # whether the platform ever billed more than was booked

    def teardown(self) -> None:
        self.ledger.close()
        shutil.rmtree(self.folder)

    def _approve(self) -> None:
        wanted = kit.request(
            request_id=f"run-a/live-test#{self.stops + 1}",
            daily_cap_micros=self.DAILY * UNIT,
            total_cap_micros=self.TOTAL * UNIT,
            fence=self.stops,
        )
        self.approval = kit.approve(self.ledger, wanted).request_id

    def _counted(self, campaign: int | None = None, day: int | None = None, other: object = None) -> int:
        total = 0
        for key, worst in self.worst.items():
            if key != other and campaign in (None, key[0]) and day in (None, key[1]):
                total += self.final.get(key, max(worst, self.posted.get(key, 0)))
        return total

    def _now(self) -> object:
        self.step += 1
        return NOW + timedelta(seconds=self.step)

    @rule(campaign=st.integers(0, 2), day=st.integers(0, 2), worst=st.integers(0, 55))
    def reserve(self, campaign: int, day: int, worst: int) -> None:
        key = (campaign, day)
        wanted = booking(worst, campaign=campaign, day=DAY + timedelta(days=day), request_id=self.approval)
        got = self.ledger.reserve(wanted, self.CAMPAIGN * UNIT, self.RUN * UNIT, None)
        rise = max(worst, self.posted.get(key, 0))
        fits = (
            rise + self._counted(day=day, other=key) <= self.DAILY
            and rise + self._counted(other=key) <= min(self.TOTAL, self.RUN)
            and rise + self._counted(campaign=campaign, other=key) <= self.CAMPAIGN
        )
        stays = key in self.worst and worst <= self.worst[key]
        assert got.granted == (key not in self.final and (stays or fits)), got
        if got.granted:
            self.worst[key] = max(worst, self.worst.get(key, 0))
            assert got.worst_case_micros == self.worst[key] * UNIT

    @precondition(lambda self: self.worst)
    @rule(data=st.data(), share=st.integers(0, 12))
    def post(self, data: st.DataObject, share: int) -> None:
        key = data.draw(st.sampled_from(sorted(self.worst)))
        amount = self.worst[key] * share // 10
        before = self.ledger.fence("acme")
        posted = self.ledger.post(self._key(key), amount * UNIT, amount * UNIT, self._now())
        assert posted.over == (amount > self.final.get(key, self.worst[key]))
        self.excess = self.excess or posted.over
        if key in self.final:
            self.final[key] = max(self.final[key], amount)
        else:
            self.posted[key] = max(self.posted.get(key, 0), amount)  # what was seen once stays
        self._after_stop(before)

    @precondition(lambda self: self.worst)
    @rule(data=st.data(), share=st.integers(0, 10))
    def settle(self, data: st.DataObject, share: int) -> None:
        key = data.draw(st.sampled_from(sorted(self.worst)))
        amount = self.worst[key] * share // 10
        before = self.ledger.fence("acme")
        settled = self.ledger.settle(self._key(key), amount * UNIT, self._now())
        assert settled.over == (amount > self.final.get(key, self.worst[key]))
        self.excess = self.excess or settled.over
        self.final[key] = max(amount, self.final.get(key, 0), self.posted.get(key, 0))
        self._after_stop(before)

    @rule()
    def stop(self) -> None:
        before = self.ledger.fence("acme")
        self.ledger.raise_fence("acme", "test", "Ada", NOW)
        assert not self.ledger.reserve(booking(0, request_id=self.approval, campaign=9)).granted
        self._after_stop(before)

    def _after_stop(self, before: int) -> None:
        if self.ledger.fence("acme") > before:
            self.stops = self.ledger.fence("acme")
            self._approve()

    @staticmethod
    def _key(key: tuple[int, int]) -> str:
        return booking(0, campaign=key[0], day=DAY + timedelta(days=key[1])).key

    @invariant()
    def the_ledger_counts_what_the_model_counts(self) -> None:
        assert kit.counted(self.ledger) == self._counted() * UNIT

    @invariant()
    def without_excess_no_cap_is_passed(self) -> None:
        if not self.excess:
            assert self._counted() <= min(self.TOTAL, self.RUN)
            assert all(self._counted(day=day) <= self.DAILY for day in range(3))
            assert all(self._counted(campaign=c) <= self.CAMPAIGN for c in range(3))


Books.TestCase.settings = settings(
    max_examples=8, stateful_step_count=12, deadline=None, phases=[Phase.explicit, Phase.generate]
)


class TestNoInterleavingPassesACap(Books.TestCase):
    """Whatever the order of reserve, post, settle and stop, the ledger grants exactly what fits its caps."""


@pytest.fixture(params=["sqlite", "postgresql"])
def urls(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, str]]:
    """A prepared ledger's address, and one of a ledger that does not exist yet."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'ledger.db'}", f"sqlite:///{tmp_path / 'fresh.db'}"
    else:
        with kit.postgresql() as url:
            yield url, f"{url.rsplit('/', 1)[0]}/template1"


def test_processes_never_reserve_more_than_the_cap(urls: tuple[str, str]) -> None:
    """Three processes at once book up to the day's cap and no more, share each claim once, and leave no gap."""
    ledger = kit.prepared(Ledger.open(urls[0]))
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])  # one import for all of them
    barrier = context.Barrier(PROCESSES)
    crowd = [context.Process(target=kit.hammer, args=(*urls, number, ASKS, barrier)) for number in range(PROCESSES)]
    for process in crowd:
        process.start()
    for process in crowd:
        process.join(timeout=90)
    assert [process.exitcode for process in crowd] == [0] * PROCESSES
    assert kit.counted(ledger, DAY) == 50 * UNIT  # 45 asks of 1 to 3 fill it to the last unit
    assert ledger.differing_totals("acme") == ()
    entries = ledger.journal(limit=10_000)
    assert [e.sequence for e in entries] == list(range(1, len(entries) + 1))
    granted = Counter(e.key for e in entries if e.kind == "claim")
    assert granted == {f"claim-{index}": 1 for index in range(ASKS)}
    ledger.close()
