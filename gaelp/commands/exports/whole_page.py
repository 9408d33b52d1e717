"""Everything that an export can answer, as parts of one page: worst case, lag and what a budget can find out.

What cannot be answered stands there with its reason. Touch this to give the page another part.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from gaelp.commands.console import WrongUse
from gaelp.commands.exports.exposure_view import exposure_section
from gaelp.commands.exports.file_exposure import shown_exposure
from gaelp.commands.exports.file_plan import shown_plan
from gaelp.commands.exports.given_export import refuse_amount_of_two, shown_name, today_of
from gaelp.commands.exports.lag import ShownLag, lag_section, shown_lag
from gaelp.commands.exports.maturity import files_of_ages, with_measured_lag
from gaelp.commands.exports.plan_view import plan_section
from gaelp.commands.power.live_test_asked import PlanAsked
from gaelp.configuration import loading
from gaelp.domain.exports.account_export import AccountExport, anonymous
from gaelp.domain.exports.mature_days import Maturity
from gaelp.domain.gates.judging import alpha_for
from gaelp.errors import GaelpError

if TYPE_CHECKING:
    from gaelp.reports.account_page import PageSection

_Given = TypeVar("_Given")
CONFIGURATION = "quick-test"  # whose live test is planned


def whole_page_sections(
    arguments: argparse.Namespace, exports: Sequence[AccountExport], maturity: Maturity, measured: ShownLag | None
) -> list[PageSection]:
    """The worst case and the plan of each currency, and the lag of the file with its snapshots."""
    if arguments.anonymous:
        exports = [anonymous(each) for each in exports]
    refuse_amount_of_two("--cap", arguments.cap, exports)
    refuse_amount_of_two("--daily-budget", arguments.daily_budget, exports)
    today = today_of(arguments, exports)
    name = shown_name(arguments, arguments.file)
    plan = PlanAsked(
        loading.load(CONFIGURATION, environment=os.environ, overrides=()),
        alpha_for(1),
        daily_budget=arguments.daily_budget,
    )
    asked = with_measured_lag(plan, measured)

    def exposure(export: AccountExport) -> PageSection | None:
        shown = shown_exposure(arguments, export, today)
        return exposure_section(shown) if shown else None

    worst = [_or_why("The most that may lawfully be billed", exposure, each) for each in exports]
    lag = _or_why("How late conversions come", lambda files: _lag(measured or shown_lag(files, arguments), maturity),
                  files_of_ages(arguments))  # fmt: skip
    lag = lag and replace(lag, not_looked_at=tuple(_without_places(arguments, each) for each in lag.not_looked_at))
    plans = [
        _or_why(
            "What a budget can find out", lambda given: plan_section(shown_plan(asked, given, maturity, name)), each
        )
        for each in exports
    ]
    return [each for each in (*worst, lag, *plans) if each is not None]


def _lag(shown: ShownLag, maturity: Maturity) -> PageSection:
    section = lag_section(shown)
    return replace(section, notes=(*section.notes, maturity.sentence))


def _without_places(arguments: argparse.Namespace, sentence: str) -> str:
    """A refusal of a file names its place, which is nothing to pass on."""
    for file in (arguments.file, *arguments.snapshots):
        sentence = sentence.replace(file, shown_name(arguments, file))
    return sentence


def _or_why(title: str, section: Callable[[_Given], PageSection | None], given: _Given) -> PageSection | None:
    from gaelp.reports.account_page import PageSection

    try:
        return section(given)
    except WrongUse:
        raise
    except GaelpError as error:
        return PageSection(title, "Not looked at.", not_looked_at=(f"because {error}",))
