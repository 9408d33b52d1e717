"""The content policy: nothing forbidden goes live however it is spelled, and nothing unchecked."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gaelp.domain.config.run_sections import Safety
from gaelp.domain.platform_records import Creative
from gaelp.domain.spending.creative_policy import folded, refused_creatives


def _creative(headline: str, body: str = "", name: str = "ad-1") -> Creative:
    return Creative(id=name, headline=headline, body=body)


def _refused(text: str, *keywords: str, body: str = "") -> str:
    return refused_creatives([_creative(text, body)], Safety(forbidden_keywords=keywords))


def test_ordinary_creatives_may_go_live() -> None:
    """With or without forbidden words, a text that holds none is let through."""
    assert refused_creatives([_creative("A good thing"), _creative("Shoes", "for rain")], Safety()) == ""
    assert _refused("A good thing", "free", "miracle") == ""


@pytest.mark.parametrize(
    "text",
    [
        "Get it free today",
        "FREE",
        "F R E E shoes",
        "f-r.e_e",
        "fŕèè",
        "ＦＲＥＥ",
        "f\u200br\u200be\u200be",
        "fr\u00adee",
        "f\nr\te\u00a0e",
        "𝐅𝐫𝐞𝐞",
        "ⓕⓡⓔⓔ",
        "fre\u0301e\u0301",
    ],
)
def test_a_forbidden_word_is_found_however_it_is_spelled(text: str) -> None:
    """Case, accents, widths, separators and invisible characters hide nothing, in headline and body alike."""
    assert "'free'" in _refused(text, "free")
    assert "'free'" in _refused("Shoes", "free", body=text)


def test_a_word_split_between_headline_and_body_is_found() -> None:
    """The two are read as one text."""
    assert "'free'" in _refused("Get it fr", "free", body="ee today")


def test_the_first_refused_creative_is_named() -> None:
    """The refusal names the creative and the keyword, as the owner wrote it."""
    ads = [_creative("Shoes", name="ad-1"), _creative("A Miracle!", name="ad-2"), _creative("free", name="ad-3")]
    reason = refused_creatives(ads, Safety(forbidden_keywords=("free", "MIRÁCLE")))
    assert reason == "creative ad-2 contains the forbidden keyword 'MIRÁCLE'"


def test_keywords_are_folded_as_texts_are() -> None:
    """A keyword written with spaces, accents or capitals forbids the plain word too."""
    assert _refused("risk-free offer", "Risk Free")
    assert _refused("strasse", "STRAẞE")


def test_a_campaign_without_creatives_is_refused() -> None:
    """Nothing goes live unchecked: an empty list is not an approved one."""
    assert "may not go live" in refused_creatives([], Safety())


@pytest.mark.parametrize("text", ["", "   ", "!!! ---", "\u200b\u200d"])
def test_a_creative_without_text_is_refused(text: str) -> None:
    """What has no letters cannot be checked, and is refused by name."""
    assert _refused(text) == "creative ad-1 has no text to check"


def test_an_empty_keyword_forbids_nothing() -> None:
    """A keyword of spaces or signs folds to nothing, which would be found in every text."""
    assert _refused("A good thing", "", "  ", "!!") == ""


@settings(max_examples=50, deadline=None)
@given(
    word=st.text(st.characters(codec="ascii", categories=("Ll", "Lu", "Nd")), min_size=1, max_size=12),
    between=st.text(st.sampled_from(" .-_*'\u200b\u00ad\u2060\n"), max_size=3),
    around=st.tuples(st.text(max_size=8), st.text(max_size=8)),
)
def test_no_separator_or_surrounding_hides_a_word(word: str, between: str, around: tuple[str, str]) -> None:
    """Whatever stands between the letters or around the word, it is found."""
    text = f"{around[0]}{between.join(word)}{around[1]}"
    assert _refused(text, word)


@given(st.text())
def test_folding_leaves_only_letters_and_digits_and_is_stable(text: str) -> None:
    """What is folded is alphanumeric, without combining marks, and folding it again changes nothing."""
    once = folded(text)
    assert once == "" or once.isalnum()
    assert folded(once) == once
