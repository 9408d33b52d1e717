"""What a verb would not read is refused. Touch with gaelp/commands/exports/unread_options.py."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.support.command_line import ROOT, Finished, shows_no_traceback

SHOP = str(ROOT / "examples" / "shop.csv")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("lag", SHOP, "--currency", "EUR"), "unrecognized arguments: --currency EUR"),
        (("lag", SHOP, "--budget", "Display=5"), "--budget"),
        (("lag", SHOP, "--platform", "meta"), "--platform"),
        (("plan", SHOP, "--budget", "Display=5"), "--budget"),
        (("plan", SHOP, "--platform", "meta"), "--platform"),
        (("plan", SHOP, "--success", "0.9"), "--success: of the gate simulation"),
        (("plan", SHOP, "--items", "items.csv"), "--items"),
        (("plan", "--page", "p.html", "--map", "date=Day"), "--map and --page: of a plan by a FILE"),
        (("plan", "--cpa", "20"), "--cpa: of a live test only"),
        (("plan", "--gate", "live-test", "--reward", "0.9"), "--reward: of the gate simulation"),
        (("plan", "--account", "a", "--sheet", "x"), "--sheet: of a FILE only"),
        (("exposure", "--account", "a", "--platform", "meta"), "--platform: of a FILE only"),
        (("exposure", "--account", "a", "--decimal", "comma"), "--decimal: of a FILE only"),
        (("audit", SHOP, "--cap", "5/month"), "--cap: of the page only"),
        (("plan", "--account", "a", "--snapshots", "x"), "--snapshots: of a FILE only"),
        (("plan", "--mature-after", "3"), "--mature-after: of a plan by a FILE"),
        (("audit", SHOP, "--map-orders", "id=x"), "--map-orders: of own orders only"),
        (("audit", SHOP, "--brand", "shop", " "), "--brand ' ' is blank"),
    ],
    ids=str,
)
def test_an_option_that_nobody_would_heed_is_refused(
    in_process: Callable[..., Finished], words: tuple[str, ...], says: str
) -> None:
    """Exit code 2 and one sentence that names the option."""
    ran = in_process(*words)
    assert ran.returncode == 2 and says in ran.stderr, ran.stderr
    shows_no_traceback(ran)
