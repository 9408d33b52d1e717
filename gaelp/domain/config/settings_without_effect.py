"""Settings that are accepted and signed and that nothing reads yet, each with what it waits for.

`validate` says so of each one that is set. Touch this when such a setting gets its first reader, or when a setting is
added before its reader; a test compares the list with the code.
"""

from __future__ import annotations

from collections.abc import Mapping

from gaelp.domain.config.configuration import TrainingConfiguration

WITHOUT_EFFECT: Mapping[str, str] = {
    "economics.conversion_action": "the conversion actions of real ad platforms",
    "scaled.transfer": "the comparison of portfolios (docs/gates.md, criterion 13)",
    "safety.minimum_quality": "the score of content quality",
}
"""Path of a setting to what it waits for."""


def notes_on(config: TrainingConfiguration) -> tuple[str, ...]:
    """One sentence for each setting that differs from its default and has no effect on a run yet."""
    defaults = TrainingConfiguration()
    return tuple(
        f"{path} is set and has no effect yet: it waits for {awaited}"
        for path, awaited in WITHOUT_EFFECT.items()
        if _value(config, path) != _value(defaults, path)
    )


def _value(config: TrainingConfiguration, path: str) -> object:
    section, _, field = path.partition(".")
    return getattr(getattr(config, section), field)
