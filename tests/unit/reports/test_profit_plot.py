"""The first picture of a report: its words lie beside the curves, and a loss is named by its amount."""

from __future__ import annotations

from datetime import date

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from gaelp.domain.spending.campaign_records import Arm
from gaelp.evidence.reported.earnings import ProfitDay
from gaelp.reports.profit_plot import NARROW, WIDE, profit_curves

UNIT = 1_000_000
PATH = tuple(ProfitDay(date(2026, 1, day), -2.0 * day * UNIT, -2.0 * day * UNIT, 0.0) for day in range(1, 9))
LIMITS = {"stop-loss": 15 * UNIT, "approved cap": 5600 * UNIT}


@pytest.mark.parametrize("size", [WIDE, NARROW])
def test_the_legend_lies_below_the_curves_and_says_what_is_not_drawn(size: tuple[float, float]) -> None:
    """No line runs through it; a limit that lies far below stands in its title, as an amount and not as a minus."""
    figure = profit_curves({Arm.CANDIDATE: PATH}, LIMITS, "profit", size)
    assert figure is not None
    FigureCanvasAgg(figure).draw()
    (legend,), (axes,) = figure.legends, figure.axes
    assert legend.get_window_extent().y1 <= axes.get_window_extent().y0 and axes.get_legend() is None
    assert legend.get_title().get_text() == "below the picture: approved cap, a loss of 5,600"
    assert "stop-loss, a loss of 15" in [each.get_text() for each in legend.get_texts()]
