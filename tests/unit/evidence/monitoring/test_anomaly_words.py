"""An anomaly in one sentence."""

from __future__ import annotations

from datetime import date

from gaelp.domain.monitoring.anomalies import AnomalyKind, WatchedMetric
from gaelp.evidence.monitoring.anomaly_words import amount_of, sentence_of

DAY = date(2026, 3, 2)


def test_amounts_are_in_the_accounts_currency_and_shares_in_percent() -> None:
    """A yen has no decimals, a dinar has three, and a rate has no currency."""
    assert amount_of(WatchedMetric.CPA, 1_234_500_000.4, "JPY") == "1,234 JPY"
    assert amount_of(WatchedMetric.SPEND, 12_345_600.0, "KWD") == "12.346 KWD"
    assert amount_of(WatchedMetric.CTR, 0.0123, "JPY") == "1.23%"
    assert amount_of(WatchedMetric.CLAIMED_OVER_ORDERS, 1.5, "JPY") == "1.50"


def test_a_spike_was_one_day_and_a_regime_has_stayed() -> None:
    """Each kind says what it was before."""
    spike = sentence_of(WatchedMetric.SPEND, AnomalyKind.SPIKE, DAY, 9e6, 3e6, "USD")
    assert spike == "Spend a day was 9.00 USD on 2026-03-02, where about 3.00 USD was to be expected."
    regime = sentence_of(WatchedMetric.SPEND, AnomalyKind.REGIME, DAY, 9e6, 3e6, "USD")
    assert regime.endswith("since about 2026-03-02 and has stayed there; it was 3.00 USD before.")
