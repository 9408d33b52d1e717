"""One self-contained HTML page about an ad account, from what its export says; somebody passes it on.

The page holds no script and loads nothing, shows light and dark, and prints. Every text is escaped. Touch this to
change what a section may hold.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

if TYPE_CHECKING:
    from matplotlib.figure import Figure

INK = "#123456"  # of a picture's words and axes; the page has its own, light or dark


@dataclass(frozen=True)
class PageSection:
    """A part of the page: the answer in a sentence, a picture, a table, and what stands behind them."""

    title: str
    answer: str
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    picture: Figure | None = None
    alt: str = ""  # what the picture shows, for who cannot see it
    notes: tuple[str, ...] = ()  # rules, assumptions, sources
    not_looked_at: tuple[str, ...] = ()  # each `NAME: because ...`


def account_page(title: str, sections: Sequence[PageSection]) -> str:
    """The whole page."""
    pages = Environment(
        loader=PackageLoader("gaelp.reports", ""), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    drawn = [(each, _inline(each, number)) for number, each in enumerate(sections)]
    return pages.get_template("account_page.html").render(title=title, sections=drawn)


def _inline(section: PageSection, number: int) -> Markup:
    """The picture as SVG in the page, so that its words take the page's colour; empty where there is none."""
    if section.picture is None:
        return Markup("")
    import matplotlib

    out = io.StringIO()
    with matplotlib.rc_context({"svg.hashsalt": f"picture-{number}", "svg.fonttype": "none"}):
        section.picture.savefig(out, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    svg = out.getvalue()
    svg = svg[svg.index("<svg") :].replace(INK, "currentColor")
    return Markup(svg)  # noqa: S704
