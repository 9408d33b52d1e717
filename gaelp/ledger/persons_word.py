"""Turns a refusal of gaelp/ledger/rules/person_rules.py into the error that whoever gave his word is told.

Touch this when such a refusal becomes another error.
"""

from __future__ import annotations

from gaelp.ledger.ledger_errors import LedgerConflict
from gaelp.ledger.rules.person_rules import PersonsAct, PersonsWord, judge_person, judge_second_word
from gaelp.ledger.rules.ruling import Ruling


def refuse_nobody(act: PersonsAct, by: str, reason: str) -> None:
    """Raise ValueError where no person is named or no reason is given."""
    ruling = judge_person(act, by, reason)
    if not ruling.granted:
        raise ValueError(ruling.reason)


def refuse(ruling: Ruling) -> None:
    """Raise LedgerConflict where a rule refuses."""
    if not ruling.granted:
        raise LedgerConflict(ruling.reason)


def said_before(act: PersonsAct, name: str, before: PersonsWord | None, word: PersonsWord) -> bool:
    """Whether the same word stands already; raises LedgerConflict where another one does."""
    if before is not None:
        refuse(judge_second_word(act, name, before, *word))
    return before is not None
