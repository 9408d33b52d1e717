"""The verb `calibrate`: what a log says of the market, with intervals, and the settings that follow from it.

Touch this to change what it prints; a bandit log is counted in gaelp/market/calibration, prices are fitted in
gaelp/evidence/history, and the file is written by fitted_settings.py.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gaelp.commands.console import DONE, Out, WrongUse, table
from gaelp.commands.history.fitted_settings import FittedQuantity, fitted_share, number, settings_of, written
from gaelp.commands.history.given_logs import GivenLog, given_log
from gaelp.commands.written_files import refuse_to_overwrite
from gaelp.domain.log_evidence import LogKind

if TYPE_CHECKING:
    from gaelp.arrays import Array
    from gaelp.evidence.history.price_fit import PriceFit

SHOWN = 20  # items of a table for people; --json has all
HEADS = ("", "fitted", "90 % interval", "events", "")


@dataclass(frozen=True)
class _Fitted:
    """What is printed: named lists of quantities, and remarks; `more` is for --json only."""

    market: list[FittedQuantity]
    parts: dict[str, list[FittedQuantity]]
    remarks: list[str]
    more: dict[str, Any] = field(default_factory=dict)
    currency: str = ""  # of its amounts, where the log names it


def calibrate(arguments: argparse.Namespace, out: Out) -> int:
    """Tables of what was fitted to the earlier share of a log; with --output, the settings as a file."""
    if arguments.output:
        refuse_to_overwrite("--output", Path(arguments.output), None, arguments, [arguments.log])
    log = given_log(arguments.log, LogKind(arguments.kind) if arguments.kind else None, arguments)
    kind = log.info.kind
    if kind not in (LogKind.BANDIT, LogKind.MARKET, LogKind.REPORT):
        raise WrongUse(f"{log.info.name} is a {kind} log: what its arms did says nothing of a market")
    if arguments.price_unit and kind != LogKind.MARKET:
        raise WrongUse(f"{log.info.name} is a {kind} log and has no prices of auctions: leave --price-unit out")
    if kind == LogKind.REPORT:
        found = _report(log, arguments)
    else:
        found = _bandit(log) if kind == LogKind.BANDIT else _market(log, arguments)
    settings = settings_of(found.market) | ({"currency": found.currency} if found.currency else {})
    if arguments.output:
        head = f"Fitted by `starter.py calibrate` to the earlier part of {log.head}."
        text = written(settings, found.market, head, [log.info.name] if log.ingested else [])
        try:
            Path(arguments.output).write_text(text, encoding="utf-8")
        except OSError as error:
            raise WrongUse(f"{arguments.output} cannot be written: {error.strerror or error}") from None
    _show(log, found, settings, arguments.output, out)
    return DONE


def _show(log: GivenLog, found: _Fitted, settings: Mapping[str, Any], output: str | None, out: Out) -> None:
    document = {
        "log": log.info.name,
        "kind": log.info.kind,
        "market": [asdict(each) for each in found.market],
        **{name: [asdict(each) for each in part] for name, part in found.parts.items()},
        **found.more,
        "remarks": found.remarks,
        "settings": settings,
        "output": output,
    }
    cut = [f"{len(part):,} {name}: the first {SHOWN} are shown, --json has all"
           for name, part in found.parts.items() if name == "items" and len(part) > SHOWN]  # fmt: skip
    out.result(
        document,
        f"{log.head}; fitted to its earlier part",
        table(HEADS, _rows(found.market)),
        *(table(HEADS, _rows(part[: SHOWN if name == "items" else None])) for name, part in found.parts.items()),
        *cut,
        *found.remarks,
        *([f"wrote {output}: starter.py start --config {output} --until historical"] if output else []),
    )


def _rows(quantities: Sequence[FittedQuantity]) -> list[tuple[str, ...]]:
    return [
        (q.name, number(q.value), "-" if q.low is None else f"{number(q.low)} to {number(q.high)}", q.events, q.remark)
        for q in quantities
    ]


def _bandit(log: GivenLog) -> _Fitted:
    import numpy as np

    from gaelp.domain.config.configuration import TrainingConfiguration
    from gaelp.market.calibration import calibration_window
    from gaelp.market.calibration.calibrate import measured

    config = TrainingConfiguration()
    found = measured([log.columns], config)
    columns = calibration_window.earlier(log.columns, config.historical.calibration_share, log.info.name)
    rows, clicks, fitted = found.rows, found.clicks, found.rows * found.ctr
    shown, clicked = int(rows.sum()), int(clicks.sum())
    values, feature = found.segmentation.values, found.segmentation.feature_index
    segments = [f"user_feature_{feature} {value}" for value in values] + ["all others" if values else "everybody"]
    parts = {
        name: [
            replace(fitted_share(f"click rate, {label}", int(k), int(n)), value=float(f / n) if n else None)
            for label, k, n, f in zip(labels, clicks.sum(axis), rows.sum(axis), fitted.sum(axis), strict=True)
        ]
        for name, labels, axis in (("segments", segments, 1), ("items", _item_names(log), 0))
    }
    spread = float(np.log(found.ctr).std(axis=1).mean())
    market = [
        fitted_share("click rate", clicked, shown, found.level, remark="all items alike, shrunken",
                     setting="click_rate"),
        _hourly_rows(columns),
        FittedQuantity("segments", float(len(segments)), None, None, f"user feature {feature}", setting="segments"),
        FittedQuantity("items", float(rows.shape[1]), None, None, "the log's candidates", setting="creatives"),
    ]  # fmt: skip
    return _Fitted(market, parts | _hours(columns), [
        f"the log's own clicks support a spread of log click rates between items of {spread:.3f}; "
        "the market has at least market.creative_spread",
        "the hourly curve, segments and items are taken by a run that names the log in historical.logs",
    ], {"cells": {"rows": rows.tolist(), "clicks": clicks.tolist(), "click_rate": found.ctr.tolist()}})  # fmt: skip


def _item_names(log: GivenLog) -> list[str]:
    return [f"item {each}" for each in log.columns["item_ids"]]


def _market(log: GivenLog, arguments: argparse.Namespace) -> _Fitted:
    import numpy as np

    from gaelp.domain.config.configuration import TrainingConfiguration
    from gaelp.evidence.history.price_fit import fit_prices
    from gaelp.records.logs.stored_logs import split

    try:
        columns, _ = split(log.columns, TrainingConfiguration().historical.calibration_share)
    except ValueError as error:
        raise WrongUse(str(error)) from None
    fit = fit_prices(columns["market_price"], np.random.default_rng(arguments.seed))
    n = len(columns["market_price"])
    market = [_clicks(columns["click"]), _hourly_rows(columns), *_prices(fit, n, arguments.price_unit)]
    wins = [
        FittedQuantity(f"won at a bid of {w.bid:,}", w.below, w.low, w.high, f"{w.ties:,} ties",
                       f"to {number(w.not_above)}, where ties are won")
        for w in fit.wins
    ]  # fmt: skip
    remarks = _censored(columns, max(fit.histogram))
    if log.ingested:
        remarks.append(
            "a run that names the log in historical.logs takes its exchanges as segments, its hours, its click rates "
            "and its prices as they are, put to the median market.price_median"
        )
    return _Fitted(market, {"wins": wins} | _hours(columns), remarks, _histograms(columns))


def _histograms(columns: Mapping[str, Array]) -> dict[str, Any]:
    """Pairs of a price and its auctions: of all, by exchange, and by hour of the day where the log has times."""
    import numpy as np

    def pairs(rows: Array) -> list[list[int]]:
        prices, counts = np.unique(columns["market_price"][rows], return_counts=True)
        return [[int(price), int(count)] for price, count in zip(prices, counts, strict=True)]

    exchange, hour = columns["exchange"], columns["hour"]
    return {
        "prices": pairs(np.ones(len(hour), bool)),
        "prices_by_exchange": {str(each): pairs(exchange == each) for each in np.unique(exchange)},
        "prices_by_hour": {int(each): pairs(hour == each) for each in np.unique(hour) if each >= 0},
    }


def _report(log: GivenLog, arguments: argparse.Namespace) -> _Fitted:
    from gaelp.commands.history.report_settings import fitted_report

    market, remarks, currency = fitted_report(log.columns, arguments.seed)
    return _Fitted(market, {}, remarks, currency=currency)


def _clicks(click: Array) -> FittedQuantity:
    known = click[click >= 0]
    clicks, rows = int(known.sum()), len(known)
    if not clicks:
        why = f"no click among {rows:,} auctions" if rows else "the log does not know its clicks"
        return FittedQuantity("click rate", None, None, None, f"{clicks:,} of {rows:,}", why, "click_rate")
    return fitted_share("click rate", clicks, rows, setting="click_rate")


def _prices(fit: PriceFit, n: int, unit: float | None) -> list[FittedQuantity]:
    events, won = f"{n:,} auctions", "of won auctions, so the market's is higher"
    median = [each * (unit or 1.0) for each in fit.median]
    level = FittedQuantity("price level", median[0], median[1], median[2], events, won, "price_median")
    if unit is None:
        missing = "the log has a unit of its own: say with --price-unit what 1 is in the account's currency"
        level = FittedQuantity("price level", None, None, None, events, missing, "price_median")
    value, low, high = fit.spread or (None, None, None)
    remark = "of the log of the price" if fit.spread else "a sixth of the prices are 0 or nearly so"
    return [
        FittedQuantity("mean price", *fit.mean, events, f"in the log's unit, {won}"),
        FittedQuantity("median price, in the log's unit", *fit.median, events, won),
        level,
        FittedQuantity("price spread", value, low, high, events, remark, "price_spread"),
    ]


def _censored(columns: Mapping[str, Array], highest: int) -> list[str]:
    bids = columns["bid"][columns["bid"] >= 0]
    above = f"the logger's lowest bid, {int(bids.min()):,}" if len(bids) else f"its highest price, {highest:,}"
    return [
        "the log has only auctions that its logger won: shares are of those, and its prices end at the logger's bids",
        f"{'' if len(bids) else 'the log does not have those bids; '}above {above}, it says nothing for certain",
    ]


def _hourly_rows(columns: Mapping[str, Array]) -> FittedQuantity:
    """Rows of an hour of the window, from its first to its last; of a log of days, from its first to its last day."""
    import numpy as np

    hour = 3_600_000_000
    time, name, setting = columns["time_us"], "impressions an hour", "hourly_auctions"
    if time.min() < 0:
        return FittedQuantity(name, None, None, None, f"{len(time):,} rows", "the log has no times", setting)
    slot = 24 * hour if not (time % (24 * hour)).any() else hour
    counts = np.bincount((time - time.min() // slot * slot) // slot) / (slot // hour)
    error = 1.645 * counts.std(ddof=1) / np.sqrt(len(counts)) if len(counts) > 1 else None
    mean = float(counts.mean())
    low, high = (None, None) if error is None else (max(mean - float(error), 0.0), mean + float(error))
    remark = "auctions that were lost are not in the log, so the market has more"
    return FittedQuantity(name, mean, low, high, f"{len(time):,} rows", remark, setting)


def _hours(columns: Mapping[str, Array]) -> dict[str, list[FittedQuantity]]:
    """Relative traffic by hour of the day, of mean 1; nothing where the log has no hours."""
    import numpy as np

    from gaelp.market.calibration.calibration_window import hourly

    time = columns["time_us"]
    if time.min() < 0 or not (time % (24 * 3_600_000_000)).any():
        return {}
    curve, counts = hourly([columns]).reshape(7, 24).mean(axis=0), np.bincount(columns["hour"], minlength=24)
    return {"hours": [
        fitted_share(f"traffic at {hour:02}:00 UTC", int(counts[hour]), len(time), float(curve[hour]))
        for hour in range(24)
    ]}  # fmt: skip
