"""An anomaly as a person reads it."""

from __future__ import annotations

from datetime import date

import pytest

from gaelp.domain.monitoring.anomalies import AnomalyKind, WatchedMetric
from gaelp.evidence.monitoring.anomaly_words import sentence_of

DAY = date(2026, 3, 2)


@pytest.mark.parametrize(
    ("metric", "currency", "now", "before"),
    [
        (WatchedMetric.SPEND, "JPY", "3,000 JPY", "1,500 JPY"),
        (WatchedMetric.CPA, "KWD", "3,000.000 KWD", "1,500.000 KWD"),
        (WatchedMetric.SPEND, "EUR", "3,000.00 EUR", "1,500.00 EUR"),
    ],
)
def test_amounts_have_their_currency_and_its_decimals(
    metric: WatchedMetric, currency: str, now: str, before: str
) -> None:
    """A yen has no hundredth and a Kuwaiti dinar has thousandths, in what is and in what was."""
    sentence = sentence_of(metric, AnomalyKind.SHIFT, DAY, 3e9, 1.5e9, currency)
    assert sentence.endswith(f"has been {now} since about 2026-03-02; it was {before} before.")


def test_rates_name_no_currency() -> None:
    """A share is a percentage whatever the account is kept in."""
    assert sentence_of(WatchedMetric.CTR, AnomalyKind.SPIKE, DAY, 0.02, 0.01, "JPY") == (
        "Clicks per impression was 2.00% on 2026-03-02, where about 1.00% was to be expected."
    )
