"""What breaks a rule of this folder today. Touch this only to take an entry out: the lists shrink and never grow.

An entry that is not needed any more fails its test, as a new violation does.
"""

from __future__ import annotations

LONG_MODULES: tuple[str, ...] = ()
LONG_FUNCTIONS: tuple[str, ...] = ()
MANY_PARAMETERS: tuple[str, ...] = ()
CLASSES_NAMED_TWICE: tuple[str, ...] = ()
MODULES_NAMED_TWICE: tuple[str, ...] = ()
# Documents that code names by file name only.
DOCUMENTS_NOT_IN_FULL: tuple[str, ...] = ()
BROKEN_LINKS: tuple[str, ...] = ()
REQUIREMENT_CODES: tuple[str, ...] = ()
# Fields of records that are read as a whole, with who does so.
READ_AS_A_WHOLE: dict[str, str] = {
    "EpisodeAmounts.allocation_micros": "becomes columns of the warehouse by its whole record",
    "EpisodeAmounts.estimation_micros": "becomes columns of the warehouse by its whole record",
    "EpisodeAmounts.over_bidding_micros": "becomes columns of the warehouse by its whole record",
    "EpisodeAmounts.under_bidding_micros": "becomes columns of the warehouse by its whole record",
    "EpisodeRecord.allocation_micros": "a column of the warehouse: the report selects it",
    "EpisodeRecord.estimation_micros": "a column of the warehouse: the report selects it",
    "EpisodeRecord.over_bidding_micros": "a column of the warehouse: the report selects it",
    "EpisodeRecord.under_bidding_micros": "a column of the warehouse: the report selects it",
    "RatedPanel.ratings_digest": "in the event panel.rated, which `make demo-llm` reads as JSON",
    "RegretSplit.allocation_micros": "becomes columns of the warehouse by its whole record",
    "RegretSplit.estimation_micros": "becomes columns of the warehouse by its whole record",
    "RegretSplit.over_bidding_micros": "becomes columns of the warehouse by its whole record",
    "RegretSplit.under_bidding_micros": "becomes columns of the warehouse by its whole record",
}
# Fields that nothing reads at all.
UNREAD_FIELDS: tuple[str, ...] = ()
