"""Auctions a second on one core: every auction resolved, and counts per cell. Touch this to measure another shape.

Levels as in `make demo` (a click in 300 impressions, a quarter of the auctions won) and budgets that do not bind, so
that every auction counted was sold or lost to a rival.
"""

from __future__ import annotations

import numpy as np

from gaelp.domain.config.configuration import TrainingConfiguration
from gaelp.market.auctions import rival_draws
from gaelp.market.auctions.aggregate_auctions import Slot, aggregate
from gaelp.market.auctions.per_auction import per_auction
from gaelp.market.auctions.price_curves import PriceCurves
from gaelp.market.calibration.calibrate import calibrate
from gaelp.market.streams import stream
from scripts.bench import kernels
from scripts.bench.timing import Row, Sizes, fastest

WIN_RATE = 0.25
CLICK_RATE = 0.003
HALF = 0.5
CELLS_WANTED = 2e6
SEGMENTS = 4
HOURLY = 150  # auctions an hour and segment where every one is resolved: the market's own default
ENOUGH = 10**15


def scenario(campaigns: int, hours: int, creatives: int, auctions: int) -> tuple[PriceCurves, Slot]:
    """Price curves, and a slot of `auctions` per campaign, hour and segment whose bids win WIN_RATE of them."""
    config = TrainingConfiguration.model_validate({"market": {"click_rate": CLICK_RATE, "segments": SEGMENTS}})
    market = calibrate([], config)
    curves = PriceCurves.of(market)
    bid = np.round(curves.highest_rival(np.arange(SEGMENTS), np.full(SEGMENTS, WIN_RATE))).astype(np.int64)
    ctr, cvr = market.ctr[:, :creatives], market.cvr[:, :creatives]
    shape = (campaigns, SEGMENTS, creatives)
    slot = Slot(
        auctions=np.full((campaigns, hours, SEGMENTS), auctions, np.int64),
        bid_micros=np.repeat(bid[None], campaigns, axis=0),
        creative_prob=np.full(shape, 1 / creatives),
        budget_micros=np.full(campaigns, ENOUGH, np.int64),
        ctr=np.broadcast_to(ctr, shape),
        cvr=np.broadcast_to(cvr, shape),
        price_level=np.ones(campaigns),
    )
    return curves, slot


def resolved(sizes: Sizes) -> list[Row]:
    """Every auction resolved, beside kernels that draw as many rivals from the same bits, as float32 and as words."""
    rows = []
    for rivals in sizes.rivals:
        # The work, not the number of auctions, is alike: a measurement takes about as long with any number of rivals.
        campaigns = max(1, sizes.campaigns * 2 // (1 + rivals))
        curves, slot = scenario(campaigns, hours=24, creatives=12, auctions=HOURLY)
        auctions, ours = int(slot.auctions.sum()), stream(1, "bench", "ours")
        bits = rival_draws.fast(stream(1, "bench", "kernel"))
        floats = np.random.Generator(bits)
        seconds, kernel, words = fastest(
            sizes.rounds,
            lambda: per_auction(curves, slot, rivals, ours),  # noqa: B023 - called before the next round
            lambda: kernels.every_rival(floats, auctions, rivals, WIN_RATE),  # noqa: B023
            lambda: kernels.every_rival_in_words(bits, auctions, rivals, WIN_RATE),  # noqa: B023
        )
        name = f"every auction, {1 + rivals} bidders"
        rates = [auctions / each for each in (seconds, kernel, words)]
        rows.append(Row(name, "auctions", rates[0], rates[1], rates[2], wanted_ratio=HALF))
    rows.append(_highest_only(sizes))
    return rows


def _highest_only(sizes: Sizes) -> Row:
    rng = np.random.Generator(rival_draws.fast(stream(1, "bench", "kernel")))
    auctions = sizes.campaigns * 24 * SEGMENTS * HOURLY
    (seconds,) = fastest(sizes.rounds, lambda: kernels.highest_rival(rng, auctions, WIN_RATE))
    return Row("bare kernel, only the highest rival", "auctions", auctions / seconds, note="for reference")


def counted(sizes: Sizes) -> list[Row]:
    """Counts per campaign x segment x creative x hour, beside bare binomial draws of as many cells."""
    rows = []
    for per_cell in sizes.per_cell:
        rows += [_cells(sizes, per_cell, hours=1), _cells(sizes, per_cell, hours=24)]
    return rows


def _cells(sizes: Sizes, per_cell: int, hours: int, creatives: int = 12) -> Row:
    """Hour by hour every cell has draws of its own; where a day is served at once, its hours share the creatives'."""
    curves, slot = scenario(sizes.campaigns * 4 // hours or 1, hours, creatives, per_cell * creatives)
    cells = slot.auctions.size * creatives
    of_cell = np.full(cells, per_cell, np.int64)
    ctr, cvr = np.full(cells, CLICK_RATE), np.full(cells, 0.06)
    ours, bare = stream(1, "bench", "ours"), stream(1, "bench", "kernel")
    seconds, kernel = fastest(
        sizes.rounds,
        lambda: aggregate(curves, slot, ours),
        lambda: kernels.cells(bare, of_cell, WIN_RATE, ctr, cvr, 1.0, 0.5),
    )
    auctions = float(slot.auctions.sum())
    shared = "; creatives are drawn once for all hours" if hours > 1 else ""
    return Row(
        f"{per_cell:,} auctions a cell, {hours} h at once",
        "cells",
        cells / seconds,
        cells / kernel,
        wanted_rate=CELLS_WANTED,
        note=f"{auctions / seconds / 1e6:,.0f} million auction-equivalents a second{shared}",
    )
