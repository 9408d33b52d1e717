"""A fitted quantity, and the configuration file that fitted quantities make: each setting beside its interval.

Touch this to write another setting, or when a setting's range says too little about what it takes.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

SECTIONS = ("market", "economics")


@dataclass(frozen=True)
class FittedQuantity:
    """One thing that a log says of the market; `value` None: it cannot say it, and `remark` has the reason."""

    name: str
    value: float | None
    low: float | None  # of the 90 % interval, where there is one
    high: float | None
    events: str  # what it rests on
    remark: str = ""
    setting: str = ""  # field of its section; empty: there is none
    section: str = "market"


def fitted_share(name: str, events: int, rows: int, value: float | None = None, **more: str) -> FittedQuantity:
    """A rate with its Clopper-Pearson interval; one that was shrunken to `value` has that interval in proportion."""
    from gaelp.evidence.betting import clopper_pearson
    from gaelp.evidence.history.off_policy import TAIL

    text = f"{events:,} of {rows:,}"
    if not rows:
        return FittedQuantity(name, value, None, None, text, **more)
    raw, (low, high) = events / rows, clopper_pearson(events, rows, TAIL)
    scale = value / raw if value is not None and raw else 1.0
    return FittedQuantity(name, raw if value is None else value, low * scale, high * scale, text, **more)


def written(settings: Mapping[str, Any], quantities: Sequence[FittedQuantity], head: str, logs: Sequence[str]) -> str:
    """The file's text: comments say what each setting rests on, and why one is left out."""
    lines = [f"# {head}", "profile: quick-test"]
    if currency := settings.get("currency"):
        lines += ["# of the report's amounts; the run's account must be in it", f"currency: {currency}"]
    lines += ["historical:", f"  logs: {json.dumps(list(logs))}"]
    for section in SECTIONS:
        of_section = [q for q in quantities if q.setting and q.section == section]
        if of_section or section == "market":
            lines.append(f"{section}:" if settings.get(section) else f"{section}: {{}}")
        for each in of_section:
            value = settings.get(section, {}).get(each.setting)
            if value is None:
                lines.append(f"  # {each.setting} is left out: {refused(each)}")
                continue
            interval = "" if each.low is None else f", 90 % interval {number(each.low)} to {number(each.high)}"
            lines.append(f"  # from {each.events}{interval}{f'; {each.remark}' if each.remark else ''}")
            lines.append(f"  {each.setting}: {_plain(value)}")
    return "\n".join(lines) + "\n"


def settings_of(quantities: Sequence[FittedQuantity]) -> dict[str, dict[str, Any]]:
    """By section the settings that take the quantities' values; a value out of a setting's range sets nothing."""
    found: dict[str, dict[str, Any]] = {"market": {}}
    for each in quantities:
        if each.setting and not refused(each):
            found.setdefault(each.section, {})[each.setting] = setting_value(each)
    return found


def setting_value(quantity: FittedQuantity) -> int | float:
    """The value as the setting takes it: whole numbers of auctions, prices with four decimals, else six digits."""
    value = quantity.value
    if value is None:
        raise ValueError(f"{quantity.name} has no value")
    if quantity.setting in ("hourly_auctions", "segments", "creatives"):
        return max(1, round(value))
    return round(value, 4) if quantity.setting in ("price_median", "order_value") else float(f"{value:.6g}")


def refused(quantity: FittedQuantity) -> str:
    """Why the quantity sets nothing; empty where it does."""
    from pydantic import ValidationError

    from gaelp.domain.config.market_sections import Economics, Market

    if quantity.value is None:
        return quantity.remark
    if min(quantity.value, setting_value(quantity)) <= 0:
        return f"{number(quantity.value)} is no {quantity.name}"
    try:
        (Economics if quantity.section == "economics" else Market).model_validate(
            {quantity.setting: setting_value(quantity)}
        )
    except ValidationError as error:
        return f"{number(quantity.value)} is not taken ({error.errors()[0]['msg']})"
    return ""


def _plain(value: int | float) -> str:
    """Without an exponent: YAML reads 9e-05 as text."""
    return str(value) if isinstance(value, int) else f"{value:.12f}".rstrip("0").removesuffix(".")


def number(value: float | None) -> str:
    """Five significant digits, and whole numbers whole; a dash for what is not known."""
    if value is None or not math.isfinite(value):
        return "-"
    return f"{value:,.0f}" if abs(value) >= 10_000 or value == round(value) else f"{value:.5g}"
