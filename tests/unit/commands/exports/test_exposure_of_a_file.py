"""`exposure FILE` answers from a file alone. Touch with gaelp/commands/exports/file_exposure.py."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.command_line import Finished

HEADER = "Tag;Kampagne;Kampagnenstatus;Budget;Budgettyp;Währungscode;Impr.;Klicks;Kosten\n"
Run = Callable[..., Finished]


@pytest.fixture
def german(tmp_path: Path) -> str:
    """Two campaigns of September in a raw export in German number format."""
    days = [f'{day:02d}.09.2026;{{}};Aktiviert;"{{}},00";Täglich;EUR;1.204;41;"{{}},00"\n' for day in range(1, 15)]
    rows = [day.format("Suche", "1.050", "1.040") + day.format("Anna <b>Müller</b>", 10, 10) for day in days]
    place = tmp_path / "konto.csv"
    place.write_text("Kampagnenbericht\n" + HEADER + "".join(rows) + 'Gesamt;;;;;EUR;1;1;"1,00"\n', encoding="utf-16")
    return str(place)


def test_a_german_export_against_a_cap(in_process: Run, german: str, tmp_path: Path) -> None:
    """Suche: 14 days of 1,040 are 14,560; the month ends at 30.4 x 1,050 = 31,920. The other: 140, and 304.

    Edited: 14,560 + 16 x 2,100 = 48,160, and 140 + 16 x 20 = 460. The cap of 20,000: 14,700 + 2,120 n exceeds it with
    the third day, the 17th; with a budget a day, 14,700 + 1,060 n, with the sixth, the 20th.
    """
    ran = in_process("exposure", german, "--cap", "20000/month", "--json")
    (document,) = json.loads(ran.stdout)["exposures"]
    month = document["total"]["month"]
    assert (month["unedited_micros"], month["edited_micros"]) == (32_224_000_000, 48_620_000_000)
    assert document["cap_exceeded"] == {"at_worst": "2026-09-17", "as_expected": "2026-09-20"}
    assert document["today"] == "2026-09-15"
    assert "answer/10486637" in document["rule"]
    assert not (tmp_path / "home").exists()  # neither a ledger nor a folder of ours


def test_the_page_holds_the_answer_and_loads_nothing(in_process: Run, german: str, tmp_path: Path) -> None:
    """One file without a script or an address to load, every name escaped, drawn for light and dark."""
    ran = in_process("exposure", german, "--page", str(tmp_path / "out" / "page.html"))
    assert ran.returncode == 0, ran.stderr
    page = (tmp_path / "out" / "page.html").read_text()
    assert "32,224.00 EUR" in page and "Anna &lt;b&gt;Müller" in page and "<b>Müller" not in page
    assert "prefers-color-scheme: dark" in page and "<svg" in page and "currentColor" in page
    assert not re.search(r"<script|<link|<img|src=|url\((?!#)|@import", page)


def test_anonymous_hides_the_names_everywhere(in_process: Run, german: str, tmp_path: Path) -> None:
    """Neither the page nor the answer has a campaign's name."""
    place = tmp_path / "page.html"
    ran = in_process("exposure", german, "--anonymous", "--page", str(place))
    assert "campaign 2" in ran.stdout
    assert not any(name in text for name in ("Suche", "Müller") for text in (ran.stdout, place.read_text()))


def test_two_currencies_are_never_added(in_process: Run, tmp_path: Path) -> None:
    """Each has a total of its own, and one cap for both is refused."""
    place = tmp_path / "two.csv"
    text = "Day,Campaign,Currency code,Budget,Impr.,Clicks,Cost\n"
    place.write_text(text + "2026-09-01,A,USD,5,10,1,2.00\n2026-09-01,B,JPY,700,10,1,300\n")
    ran = in_process("exposure", str(place), "--json")
    totals = [each["total"]["today"]["unedited_micros"] for each in json.loads(ran.stdout)["exposures"]]
    assert totals == [1_400_000_000, 10_000_000]  # 2 x 700 yen, 2 x 5 dollars
    refused = in_process("exposure", str(place), "--cap", "20/month")
    assert refused.returncode == 2 and "never added" in refused.stderr


def test_a_cap_counts_what_a_paused_campaign_was_billed(in_process: Run, tmp_path: Path) -> None:
    """A budget of 10 may bill 20 a day; of a cap of 100 a month a paused campaign has used 70.

    So 30 are left from the 2nd on, of which 5 are billed: the second day at the worst exceeds it, the 3rd.
    """
    place = tmp_path / "shop.csv"
    text = "Day,Campaign,Campaign status,Currency code,Budget,Impr.,Clicks,Cost\n"
    rows = "2026-09-01,Live,Enabled,USD,10,10,1,5\n2026-09-01,Old,Paused,USD,90,10,1,70\n"
    place.write_text(text + rows)
    ran = in_process("exposure", str(place), "--cap", "100/month", "--json")
    (document,) = json.loads(ran.stdout)["exposures"]
    assert (document["stopped_micros"], document["cap_exceeded"]["at_worst"]) == (70_000_000, "2026-09-03")
    said = in_process("exposure", str(place), "--cap", "100/month").stdout
    assert "A cap of 100.00 USD a month, of which paused or ended campaigns were billed 70.00 USD, is exceeded" in said


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--today", "2026-09-13"), "before the file's last day"),
        (("--today", "tomorrow"), "is not a day"),
        (("--budget", "Suche=5"), "has a budget of 'Suche' itself"),
        (("--budget", "Nobody=5"), "has no campaign 'Nobody'"),
        (("--cap", "2000"), "2000/month"),
        (("--account", "emulator"), "not allowed with"),
    ],
)
def test_a_wrong_option_is_refused_in_a_sentence(
    in_process: Run, german: str, words: tuple[str, str], says: str
) -> None:
    """Exit code 2, one sentence, no traceback."""
    ran = in_process("exposure", german, *words)
    assert ran.returncode == 2 and says in ran.stderr and "Traceback" not in ran.stderr
