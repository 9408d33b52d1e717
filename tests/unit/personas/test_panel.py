"""The panel that ships fits the synthetic market, and a configured panel replaces it."""

from __future__ import annotations

import numpy as np
import pytest

from gaelp.domain.config.market_sections import SHIPPED_CREATIVES, CreativeText, Persona, Personas
from gaelp.personas import panel
from gaelp.personas.prompt import Question

ADA = Persona(name="Ada", about="44, mathematician, likes precise claims.")
PLAIN = CreativeText(headline="Good coffee", body="Clear price.")


def test_what_ships_fits_the_synthetic_market_and_the_recording_is_of_it() -> None:
    """Personas and texts ship for the synthetic market, and the recorded answers are of exactly these."""
    people, texts = panel.people(Personas()), panel.creatives(Personas())
    recorded = panel.recorded()
    assert len({person.name for person in people}) == 24 and len(texts) == SHIPPED_CREATIVES
    assert {np.shape(answers) for answers in recorded.answers.values()} == {(24, SHIPPED_CREATIVES)}
    assert set(recorded.answers) == set(recorded.neutral) == set(Question)
    assert "270" in recorded.provenance.model and recorded.provenance.sentence().endswith(recorded.provenance.warning)


def test_a_recording_of_other_texts_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Texts that were changed after the recording make it stale, with the remedy."""
    changed = (PLAIN, *panel.creatives(Personas())[1:])
    monkeypatch.setattr(panel, "_shipped_creatives", lambda: changed)
    with pytest.raises(panel.StaleRecording, match="record_panel"):
        panel.recorded.__wrapped__()


def test_configured_people_and_texts_replace_those_that_ship() -> None:
    """The personas and texts of a configuration replace those that ship."""
    config = Personas(source="endpoint", people=(ADA,), creatives=(PLAIN, PLAIN))
    assert panel.people(config) == (ADA,) and panel.creatives(config) == (PLAIN, PLAIN)
