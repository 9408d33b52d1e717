"""Reads the configurations by which gates were passed. Touch this when another record says what a gate asked for."""

from __future__ import annotations

from collections.abc import Iterable

from pydantic import ValidationError

from gaelp.domain.config.configuration import TrainingConfiguration
from gaelp.domain.spending.ledger_records import PassedGate
from gaelp.records.content_store import ContentStore, CorruptContent, MissingContent, NotADigest


def earlier_terms(store: ContentStore, gates: Iterable[PassedGate]) -> list[tuple[PassedGate, TrainingConfiguration]]:
    """Each gate with its configuration; a gate whose configuration cannot be read any more is left out."""
    read = []
    for gate in gates:
        try:
            config = TrainingConfiguration.model_validate(store.get_document(gate.config_digest))
        except (MissingContent, CorruptContent, NotADigest, ValidationError):
            continue
        read.append((gate, config))
    return read
