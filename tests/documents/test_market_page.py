"""docs/market.md and the example it begins with: what they show runs, and what they list is what there is."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from gaelp.domain.config.market_sections import Market
from gaelp.domain.config.registered_worlds import VARIANTS

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/market.md").read_text()


def test_every_setting_and_every_world_is_on_the_page() -> None:
    """The settings' table has each setting of the market but `resolution`, which has a paragraph, and each id a row."""
    table = PAGE.partition("| `market.` | default | |")[2].partition("\n\n")[0]
    named = set(re.findall(r"`(\w+)`", table))
    assert named == set(Market.model_fields) - {"resolution"}
    assert set(re.findall(r"^\| `(gaelp/[\w-]+)` ", PAGE, re.MULTILINE)) == set(VARIANTS)


def test_the_pages_code_runs() -> None:
    """A log of one's own becomes a market with the log's creatives and its users' segments."""
    (code,) = re.findall(r"```python\n# calibrated\.py\n(.*?)```", PAGE, re.DOTALL)
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert 0.008 < float(ran.stdout.split()[3]) < 0.012 and "(2, 5) cells" in ran.stdout


def test_the_example_learns_and_draws(tmp_path: Path) -> None:
    """It prints a row per round with parts that sum to the regret, which falls, and writes the picture."""
    picture = tmp_path / "learning.png"
    command = [sys.executable, str(ROOT / "examples" / "learn_in_the_market.py"), "--agents", "linear-thompson"]
    command += ["--rounds", "2", "--campaigns", "8", "--plot", str(picture)]
    ran = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    rows = [[float(number) for number in re.findall(r"-?\d+\.\d{3}", line)] for line in ran.stdout.splitlines()[1:]]
    assert len(rows) == 3 and rows[2][0] < 0.5 * rows[0][0]
    assert all(abs(regret - sum(parts)) < 0.003 for regret, *parts in rows)
    assert picture.read_bytes().startswith(b"\x89PNG")
