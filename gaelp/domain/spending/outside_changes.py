"""What differs between the settings that we wrote to a campaign and those that the platform reads back.

Somebody else edits too: a person in the platform's own pages, an automatic rule of the platform, a late call of ours.
Touch this to watch another setting.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

from gaelp.domain.frozen import Frozen
from gaelp.domain.platform_records import CampaignState
from gaelp.money import exact_money

LONGEST_VALUE = 160  # characters of a value that a sentence shows


class OutsideChange(Frozen):
    """One setting that reads otherwise than we wrote it."""

    sentence: str  # the setting with both values, for people
    raises: bool  # whether the platform may bill more by it, or bills what nobody signed
    lowers: bool  # whether it can only reduce what is billed: a pause may also be a stop of ours


def outside_changes(written: Sequence[CampaignState], read: CampaignState, currency: str) -> tuple[OutsideChange, ...]:
    """Settings whose value is none that we wrote, where `written` has what was confirmed and what was being written."""
    raises = {
        "platform_id": True,  # the campaign of that name is another one: ours may go on beside it
        "enabled": read.enabled,
        "daily_budget_micros": read.daily_budget_micros > max(w.daily_budget_micros for w in written),
        "end_at": read.end_at > max(w.end_at for w in written),
        "content_digest": True,  # whatever it costs, nobody signed it
    }
    words = {"external_name": "name", "daily_budget_micros": "daily budget", "end_at": "end", "bid_micros": "bids"}
    words |= {"creative_prob": "creative shares", "platform_id": "platform id"}
    words |= {"content_digest": "digest of its content"}
    changes = []
    for name in (*words, "enabled"):
        value, known = getattr(read, name), [getattr(w, name) for w in written]
        if value not in known:
            ours, theirs = (_shown(name, each, currency) for each in (known[-1], value))
            sentence = f"{words.get(name, name)}: we wrote {ours}, and the platform reads {theirs}"
            lowers = name == "enabled" and not value
            changes.append(OutsideChange(sentence=sentence, raises=raises.get(name, False), lowers=lowers))
    return tuple(changes)


def days_that_may_bill(reserved: Iterable[date], today: date) -> tuple[date, ...]:
    """The days on which a change may have been in force that is read on the day `today`.

    That is the day itself, and where it is not reserved yet, the last reserved one before it: nobody has looked since.
    Whether it reads enabled or not does not matter, because it may have been enabled in between, and what it served
    then may be billed later.
    """
    last = max((day for day in reserved if day <= today), default=today)
    return (today,) if last == today else (last, today)


def _shown(name: str, value: Any, currency: str) -> str:
    if name == "enabled":
        return "enabled" if value else "paused"
    if name == "daily_budget_micros":
        return exact_money(value, currency)
    text = value.isoformat() if name == "end_at" else str(value)
    return text if len(text) <= LONGEST_VALUE else f"{text[:LONGEST_VALUE]}…"
