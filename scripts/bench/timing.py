"""How long a call takes, and the rows that a measurement becomes. Touch this to report one more column."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Sizes:
    """How much is measured. The toy sizes only show that every part runs."""

    rounds: int = 7  # measurements of each call; the fastest counts
    campaigns: int = 256
    rivals: tuple[int, ...] = (1, 9, 47)  # 2, 10 and 48 bidders with us
    per_cell: tuple[int, ...] = (10, 1_000, 100_000)  # auctions in an aggregate cell
    batches: int = 60  # of `campaigns` episodes each, for episodes a second
    option_batches: int = 8  # with an option of the market each
    in_flight: int = 8
    episodes: tuple[int, ...] = (1_000, 10_000, 100_000, 1_000_000)  # for peak memory
    peer_seconds: float = 3.0
    schedulers: tuple[str, ...] = ("loop", "pool", "ray", "prefect", "dbos")
    scheduled: int = 200  # batches of 32 campaigns on each
    portfolios: tuple[int, ...] = (10, 50, 200, 1_000)  # live campaigns
    portfolio_days: int = 7
    tick_hours: int = 24  # of a portfolio
    portfolio_seconds: float = 7200.0  # until a portfolio is given up
    books: tuple[int, ...] = (0, 10_000, 100_000, 1_000_000)  # reservations in the ledger
    stored_batches: tuple[int, ...] = (10, 100, 1_000, 5_000)  # in the warehouse
    log_rows: tuple[int, ...] = (100_000, 1_000_000)
    runs: int = 1_000  # that have ended, for `list` and `status`


TOY = Sizes(
    rounds=1,
    campaigns=4,
    rivals=(1, 3),
    per_cell=(10,),
    batches=1,
    option_batches=1,
    in_flight=1,
    episodes=(4,),
    schedulers=("loop", "pool"),
    scheduled=2,
    portfolios=(2,),
    portfolio_days=2,
    books=(0, 40),
    stored_batches=(2, 70),
    log_rows=(200,),
    runs=3,
)


@dataclass(frozen=True)
class Row:
    """One figure: `rate` of ours a second, the same of the bare kernel beside it, and what is wanted of `ratio`."""

    name: str
    unit: str
    rate: float
    kernel: float | None = None
    stricter: float | None = None  # a second kernel that draws as the market does
    wanted_rate: float | None = None
    wanted_ratio: float | None = None
    note: str = ""

    @property
    def ratio(self) -> float | None:
        """Ours over the kernel's; None where there is no kernel."""
        return self.rate / self.kernel if self.kernel else None

    @property
    def stricter_ratio(self) -> float | None:
        """Ours over the stricter kernel's."""
        return self.rate / self.stricter if self.stricter else None

    @property
    def verdict(self) -> str:
        """`as wanted`, or by how much it falls short; empty where nothing is wanted."""
        missed = [
            f"{100 * (1 - got / wanted):.0f} % short of {wanted:,.2g}"
            for got, wanted in ((self.rate, self.wanted_rate), (self.ratio, self.wanted_ratio))
            if wanted is not None and got is not None and got < wanted
        ]
        return "; ".join(missed) or ("as wanted" if self.wanted_rate or self.wanted_ratio else "")


def fastest(rounds: int, *calls: Callable[[], object]) -> list[float]:
    """Seconds of each call's fastest round. They take turns, so that a noisy moment of the machine meets all alike."""
    seconds = [float("inf")] * len(calls)
    for _ in range(rounds + 1):  # the first round warms caches; it counts too where it was the fastest
        for index, call in enumerate(calls):
            begun = time.perf_counter()
            call()
            seconds[index] = min(seconds[index], time.perf_counter() - begun)
    return seconds
