"""The report: every criterion with its numbers, the money against its limits, and no text that can act."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from gaelp.domain.ad_accounts import Account, AccountKind
from gaelp.domain.config.configuration import TrainingConfiguration
from gaelp.domain.gates.verdicts import CriterionVerdict, GateVerdict, Verdict
from gaelp.domain.log_evidence import Quantity
from gaelp.domain.monitoring.ladder import StepTaken
from gaelp.domain.phases import Phase
from gaelp.domain.platform_records import DayReport
from gaelp.domain.spending.approval_card import SYNTHETIC_MARKET, ApprovalCard
from gaelp.domain.spending.approved_campaigns import ApprovedCampaign
from gaelp.domain.spending.campaign_records import CampaignResult, DayReached
from gaelp.domain.spending.ledger_records import JournalEntry
from gaelp.messages.log_replay import GapEvidence
from gaelp.messages.phase import PhaseResult
from gaelp.records.content_store import ContentStore
from gaelp.records.logs.ingestion import LogSource, ingest
from gaelp.records.warehouse.run_rows import UnknownRun
from gaelp.records.warehouse.warehouse import Warehouse
from gaelp.records.warehouse.warehouse_back_ends import open_warehouse
from gaelp.reports.booked_campaigns import AskedRequest
from gaelp.reports.report_facts import Facts, Sources, gather
from gaelp.reports.report_page import build_report
from gaelp.reports.report_words import answers, ended_because, events, gate, limits, may, worst_case
from gaelp.reports.verdict_table import criteria_table
from tests.support.made_logs import write_log
from tests.support.planted_anomalies import anomaly, of_run, undone, walked

START = datetime(2026, 1, 5, 12, tzinfo=UTC)
HOSTILE = '<script>alert("x")</script>'
NAMES = {
    Phase.SIMULATION: ["1", "2", "3", "4"],
    Phase.HISTORICAL: ["5a", "5b", "6", "7"],
    Phase.LIVE_TEST: ["8", "9", "10"],
    Phase.SCALED: ["11", "12", "13"],
}


class Journal:
    """A ledger in which only the journal has something, and monitoring where steps are given."""

    steps: Sequence[StepTaken] = ()
    known: Sequence[Account] = ()

    def accounts(self) -> Sequence[Account]:
        return self.known

    def __init__(self, entries: Sequence[JournalEntry] = ()) -> None:
        self.entries = entries

    def journal(self, after: int, limit: int) -> tuple[JournalEntry, ...]:
        return tuple(entry for entry in self.entries if entry.sequence > after)[:limit]

    def campaign_results(self, phase: str) -> tuple[CampaignResult, ...]:
        return ()

    def reported_days(self, run: str) -> dict[str, tuple[DayReport, ...]]:
        return {}

    def days_reached(self, phase: str) -> tuple[DayReached, ...]:
        return ()

    def steps_of_run(self, run: str) -> tuple[StepTaken, ...]:
        return tuple(of_run(step, run, "emulator") for step in self.steps)

    def undecided_requests(self, run: str) -> tuple[AskedRequest, ...]:
        return ()

    def request(self, request_id: str) -> ApprovalCard:
        raise AssertionError("nothing was approved")

    def approved_campaigns(self, digest: str) -> tuple[ApprovedCampaign, ...]:
        raise AssertionError("nothing was approved")


def entry(sequence: int, kind: str, day: int, amount: int, *, run: str = "a", detail: str = "{}") -> JournalEntry:
    campaign = f"{run}/live-test/campaign-01"
    return JournalEntry(
        sequence=sequence, at=START + timedelta(days=day), kind=kind, account="emulator", run=run, phase="live-test",
        campaign=campaign, key=f"{campaign}/day-{day:03d}", amount_micros=amount, detail=detail,
    )  # fmt: skip


def money() -> Journal:
    """Two days of one campaign: the second day's reservation is raised, its spend is posted twice."""
    other = entry(7, "post", 0, 999_000_000, run="another")
    return Journal(
        [
            entry(1, "reserve", 0, 50_000_000),
            entry(2, "post", 0, 10_000_000),
            entry(3, "reserve", 1, 30_000_000),
            entry(4, "reserve", 1, 40_000_000),
            entry(5, "post", 1, 5_000_000),
            entry(6, "settle", 1, 7_000_000),
            other,
            entry(8, "approve", 0, 0, detail=json.dumps({"by": "Ada", "daily_cap_micros": 40_000_000})),
        ]
    )


def start_run(warehouse: Warehouse, run: str = "a", **changed: Any) -> None:
    row = {
        "run": run, "at": START, "event": "started", "agent": "linear-thompson", "profile": "quick-test",
        "mode": "advisory", "seed": 0, "account": "emulator", "code_version": "0.1.0",
        "config": TrainingConfiguration().model_dump_json(),
    }  # fmt: skip
    warehouse.append("runs", [row | changed], f"{run}/started")


def end_run(warehouse: Warehouse, outcome: str, reason: str = "") -> None:
    row = {"run": "a", "at": START + timedelta(seconds=60), "event": "ended", "outcome": outcome, "reason": reason}
    warehouse.append("runs", [row], "a/ended")


def judge(warehouse: Warehouse, phase: Phase, seconds: int, verdict: str = "PASS", **changed: Any) -> None:
    """A gate whose criteria all say `verdict`."""
    gate = {
        "run": "a", "at": START + timedelta(seconds=seconds), "phase": phase, "attempt": 1, "alpha": 0.0304,
        "verdict": verdict, "promote": verdict in ("PASS", "INCONCLUSIVE"), "proven": verdict == "PASS",
    }  # fmt: skip
    rows = [
        gate | {
            "criterion": number, "name": f"criterion {number}", "criterion_verdict": verdict, "estimate": 0.8125,
            "bound": 0.7321, "threshold": 0.7, "n": 123, "formula": "betting/aGRAPA", "reason": f"reason of {number}",
        } | changed
        for number in NAMES[phase]
    ]  # fmt: skip
    warehouse.append("verdicts", rows, f"a/{phase}/{seconds}")


def settle_batches(warehouse: Warehouse) -> None:
    for number in (0, 1, 2, 3, 5000, 5001):
        row = {
            "run": "a", "at": START, "phase": "simulation", "episode": f"a/simulation/batch-{number:04d}",
            "state": "settled", "episodes": 32, "reward": 0.5 + 0.01 * (number % 10),
            "optimum_micros": 100, "estimation_micros": 30, "allocation_micros": -2, "over_bidding_micros": 12,
            "under_bidding_micros": 5, "purpose": "exam" if number >= 5000 else "train",
        }  # fmt: skip
        warehouse.append("episodes", [row, row | {"state": "running", "reward": None}], f"batch-{number}")


def build(warehouse: Warehouse, ledger: Journal, run: str, output: Path) -> Path:
    """The page of a run whose evidence is not in the store."""
    return build_report(Sources(warehouse, ledger, ContentStore(f"{output}-store")), run, output).page


def facts_of(warehouse: Warehouse, ledger: Journal, run: str) -> Facts:
    return gather(Sources(warehouse, ledger, ContentStore("memory://report-facts")), run)


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    return open_warehouse(str(tmp_path / "warehouse"))


def whole_run(warehouse: Warehouse) -> None:
    start_run(warehouse)
    settle_batches(warehouse)
    for number, phase in enumerate(Phase):
        judge(warehouse, phase, 10 * (number + 1), "INCONCLUSIVE" if phase is Phase.HISTORICAL else "PASS")
    end_run(warehouse, "graduated-unproven", "not proven in historical")


def text_of(page: Path) -> str:
    return re.sub(r"data:image/png;base64,[A-Za-z0-9+/=]+", "IMAGE", page.read_text(encoding="utf-8"))


def test_every_criterion_is_listed_with_its_numbers(warehouse: Warehouse, tmp_path: Path) -> None:
    """A whole run's page shows each criterion's verdict, estimate, bound, threshold, n and reason."""
    whole_run(warehouse)
    html = text_of(build(warehouse, money(), "a", tmp_path / "out"))
    for numbers in NAMES.values():
        for number in numbers:
            row = re.search(rf'<tr><td class="id">{number}</td>.*?</tr>', html, re.DOTALL)
            assert row, number
            for shown in ("0.8125", "0.7321", "0.7<", "123", f"reason of {number}"):
                assert shown in row[0], (number, shown)
    assert html.count("✓ PASS") == 10 and html.count("? INCONCLUSIVE") == 4


def test_the_page_says_where_the_market_is_made_up(warehouse: Warehouse, tmp_path: Path) -> None:
    """No log calibrates the market of a run that names none; a bandit log does, and a market log."""
    files = {"bandit": write_log(tmp_path / "bandit", seed=3, rows=50), "market": tmp_path / "market.txt"}
    files["market"].write_text("0 5 0.1\n1 7 0.2\n")
    for kind, file in files.items():
        ingest(warehouse, LogSource(str(file), kind, kind), START)
    told = {}
    for logs in ((), ("market",), ("bandit",)):
        run = "-".join(("run", *logs))
        config = TrainingConfiguration.model_validate({"historical": {"logs": logs}})
        start_run(warehouse, run, config=config.model_dump_json())
        told[logs] = SYNTHETIC_MARKET in build(warehouse, Journal(), run, tmp_path / run).read_text()
    assert told == {(): True, ("market",): False, ("bandit",): False}


def test_the_newest_training_episodes_are_described(warehouse: Warehouse, tmp_path: Path) -> None:
    """The trend is of the newest 200 training episodes in their order: here the first ten are not among them."""
    start_run(warehouse)
    amounts = ("expected_profit", "attributed_profit", "incumbent_profit", "optimum", "estimation", "allocation",
               "over_bidding", "under_bidding", "revenue", "spend")  # fmt: skip
    row = {
        "run": "a", "at": START, "phase": "simulation", "state": "settled", "agent": "x", "checkpoint_digest": "",
        "ratio": 0.0, "success": True, "gain": 0.0, "impressions": 0, "clicks": 0, "conversions": 0,
        **{f"{name}_micros": 0 for name in amounts},
    }  # fmt: skip
    for batch, purpose in ((0, "train"), (1, "train"), (5000, "exam")):
        of_batch = row | {"batch": f"a/simulation/batch-{batch:04d}", "purpose": purpose}
        rows = [of_batch | {"episode": at, "reward": (at + 105 * batch) / 1000} for at in range(105)]
        warehouse.append("simulated_episodes", rows, f"episodes-{batch}")
    rewards = facts_of(warehouse, Journal(), "a").newest_rewards
    assert rewards == [at / 1000 for at in range(10, 210)]
    page = build(warehouse, Journal(), "a", tmp_path / "report").read_text()
    assert "+0.100 (+0.100 to +0.100)" in page
    assert "rises (p = " in page


def test_alerts_are_shown_with_their_state(warehouse: Warehouse, tmp_path: Path) -> None:
    """Equal ones are one row; who has silenced or resolved one stands beside it, and --json has the same."""
    start_run(warehouse)
    limit = {"limit": "run's limit", "severity": "low", "evidence": "60 of 100 <b>"}
    word = {"by": "Ada", "reason": "seen", "until": "2026-11-29T00:00:00+00:00"}
    told = [entry(number, "alert", 0, 0, detail=json.dumps(limit)) for number in (1, 2)]
    silenced = entry(3, "alert-silenced", 0, 0, detail=json.dumps(word)).model_copy(update={"key": "a/alert-2"})
    built = build_report(
        Sources(warehouse, Journal([*told, silenced]), ContentStore(f"{tmp_path}-store")), "a", tmp_path / "out"
    )
    page = built.page.read_text()
    assert "silenced until 2026-11-29 00:00:00 UTC by Ada: seen" in page and "60 of 100 &lt;b&gt;" in page
    ((alert),) = built.document()["alerts"]
    assert (alert["id"], alert["count"], alert["state"]) == ("a/alert-2", 2, "silenced")


def test_a_pass_that_was_lost_stands_first_and_among_the_events(warehouse: Warehouse, tmp_path: Path) -> None:
    """The page says that the state may not go on, who took the pass, and by which criterion."""
    whole_run(warehouse)
    ledger = money()
    assert "This agent may not go on" not in text_of(build(warehouse, ledger, "a", tmp_path / "before"))
    told = json.dumps({"to": "b/scaled", "failed": "12 multi-campaign success", "checkpoint": "c" * 64})
    ledger.entries = [*ledger.entries, entry(9, "pass-lost", 0, 0, detail=told)]
    html = text_of(build(warehouse, ledger, "a", tmp_path / "after"))
    assert "Demoted: its pass of live-test counts no more: b/scaled failed with the same agent state" in html
    assert "This agent may not go on with the state that this run left" in html
    assert "failed 12 multi-campaign success" in html


def test_the_steps_of_monitoring_are_shown_with_evidence_and_settings(warehouse: Warehouse, tmp_path: Path) -> None:
    """Each step has its day, metric, e-value, budget before and after, and who has undone it; so has --json."""
    whole_run(warehouse)
    ledger = money()
    detail = json.dumps({"step": "hold", "reason": HOSTILE})
    ledger.entries = [*ledger.entries, entry(9, "monitoring-step", 0, 0, detail=detail)]
    hold, cut, note = walked(
        [(0, [anomaly(sentence=HOSTILE)]), (1, [anomaly(e_value=1e9)]), (2, [anomaly("spend", "down", "note")])]
    )
    ledger.steps = (hold, undone(cut), note)
    built = build_report(Sources(warehouse, ledger, ContentStore(f"{tmp_path}-store")), "a", tmp_path / "out")
    html = text_of(built.page)
    section = html[html.index("What has monitoring done?") :].split("</section>")[0]
    first, second, third = re.findall(r"<tr><td class=\"when\">(.*?)</tr>", section, re.DOTALL)
    assert "2026-01-10" in first and "ctr: e-value 1e+04" in first and "25.00 a day, unchanged" in first
    assert "stands" in first and "a/live-test/campaign-00/step-1" in first and "<script" not in first
    assert "cut" in second and "25.00 a day → 2.50 a day" in second and "undone by Ada: a holiday" in second
    assert "spend: e-value" in third and "for reading" in third
    assert "monitoring-step" not in html  # no second time among the events
    told = built.document()["steps"]
    assert [(each["step"], each["undone_by"]) for each in told] == [("hold", ""), ("cut", "Ada"), ("note", "")]
    assert told[1]["after"]["daily_budget_micros"] == 2_500_000
    quiet = text_of(build(warehouse, Journal(), "a", tmp_path / "quiet"))
    assert "What has monitoring done?" not in quiet  # no campaign has reported a day


def test_the_page_stands_alone(warehouse: Warehouse, tmp_path: Path) -> None:
    """The page loads nothing and runs nothing; the four plots are inside it and beside it as PNG."""
    whole_run(warehouse)
    page = build(warehouse, money(), "a", tmp_path / "out")
    assert {file.name for file in page.parent.iterdir()} == {
        "report.html", "timeline.png", "learning.png", "regret.png", "spend.png",
    }  # fmt: skip
    assert all(file.read_bytes().startswith(b"\x89PNG") for file in page.parent.glob("*.png"))
    html = text_of(page)
    assert html.count("IMAGE") == 4
    assert "<script" not in html and "http://" not in html and "https://" not in html
    assert "default-src 'none'" in html


def test_an_approval_is_shown_with_its_cap_in_money(warehouse: Warehouse, tmp_path: Path) -> None:
    """What a person approved reads as money, and long digests wrap instead of being cut off."""
    whole_run(warehouse)
    html = text_of(build(warehouse, money(), "a", tmp_path / "out"))
    assert '<td class="detail">by Ada, daily_cap 40.00 USD</td>' in html


def test_hostile_text_is_shown_and_not_run(warehouse: Warehouse, tmp_path: Path) -> None:
    """Markup in an agent's name, a reason, a criterion or a journal entry arrives escaped."""
    start_run(warehouse, agent=HOSTILE, code_version=HOSTILE, account='"><img src=x>')
    judge(warehouse, Phase.SIMULATION, 5, "FAIL", reason=HOSTILE, name=HOSTILE, unit=HOSTILE)
    end_run(warehouse, "not-graduated", HOSTILE)
    evidence = json.dumps({"evidence": HOSTILE})
    journal = Journal([entry(1, "violation", 0, 0, detail=HOSTILE), entry(2, "violation", 0, 0, detail=evidence)])
    html = text_of(build(warehouse, journal, "a", tmp_path / "out"))
    assert "<script" not in html and "<img src=x" not in html
    assert html.count("&lt;script&gt;") >= 6


def test_the_report_says_what_may_still_be_billed(warehouse: Warehouse, tmp_path: Path) -> None:
    """The worst case of each day that is not settled, less what was billed; or that nothing can come any more."""
    start_run(warehouse)
    end_run(warehouse, "stopped", "because of something")
    open_days = text_of(build(warehouse, money(), "a", tmp_path / "open"))
    assert "may still bill up to 40.00 USD." in open_days and "Begun and not judged" in open_days
    settled = Journal([*money().entries, entry(9, "settle", 0, 10_000_000)])
    assert "Nothing more of what was reserved: every day of it is settled." in text_of(
        build(warehouse, settled, "a", tmp_path / "settled")
    )
    assert "0.00 USD more: every day that was reserved is settled." in text_of(tmp_path / "settled" / "report.html")
    none = text_of(build(warehouse, Journal(), "a", tmp_path / "none"))
    assert "Nothing was reserved and nothing was spent." in none and "0.00 USD more: nothing was reserved." in none


def test_the_first_answer_is_whether_the_money_is_real(warehouse: Warehouse) -> None:
    """An emulator's is none; where the ledger does not know the account every amount counts as real."""
    start_run(warehouse)
    for kind, said in ((AccountKind.EMULATOR, "no real money moves"), (AccountKind.REAL, "is real money")):
        journal = Journal()
        other = next(each for each in AccountKind if each is not kind)
        journal.known = [account_of(other, "another"), account_of(kind, "emulator")]
        assert said in dict(answers(facts_of(warehouse, journal, "a"), "", ""))["Money"]
    assert "take every amount here as real money" in dict(answers(facts_of(warehouse, Journal(), "a"), "", ""))["Money"]


def account_of(kind: AccountKind, name: str) -> Account:
    return Account(account=name, kind=kind, platform="emulator", currency="USD", daily_cap_micros=1, total_cap_micros=1)


def test_where_no_money_makes_the_gate_pass_the_signer_is_told(warehouse: Warehouse) -> None:
    """`scaled` has two criteria that this version never passes; a live test of enough actions has none."""
    start_run(warehouse)
    facts = replace(facts_of(warehouse, Journal(), "a"), asked=["x"], asked_micros={"scaled": 1})
    said = dict(answers(facts, "", ""))["To sign"]
    assert "the gate of scaled can be FAIL and never PASS" in said and "transfer effectiveness (13)" in said
    able = TrainingConfiguration.model_validate({"live_test": {"campaigns": 5}, "clock": {"tick_hours": 1}})
    live = replace(facts, asked_micros={"live-test": 1}, config=able)
    assert "never PASS" not in dict(answers(live, "", ""))["To sign"]


def test_a_profit_is_shown_beside_the_trap_that_flatters_it(warehouse: Warehouse) -> None:
    """The trap stands beside what was earned; a fall that credits nothing too much does not, nor one without money."""
    start_run(warehouse)
    blank = {"criterion": "15", "criterion_verdict": "PASS", "inconclusive": None}
    for trap, flatters in (("organic-harvest", True), ("price-war", False)):
        row = blank | {"reason": f"Fell into {trap}, which cost 67%"}
        facts = replace(facts_of(warehouse, Journal(), "a"), criteria={Phase.SIMULATION: [row]})
        assert (trap in dict(answers(facts, "", "It made 3."))["Earned"]) is flatters
        assert trap not in dict(answers(facts, "", ""))["Earned"]


def test_a_withdrawal_says_by_whom_and_the_signed_day_is_a_limit(warehouse: Warehouse) -> None:
    """The journal's row has no words for it; what was signed for a day stands beside the setting's cap."""
    start_run(warehouse)
    end_run(warehouse, "stopped", "by hand")
    facts = facts_of(warehouse, Journal([*money().entries, entry(9, "withdraw", 1, 0)]), "a")
    assert events(facts)[-1]["detail"].startswith("by GAELP itself, because the run was stopped")
    shown = {limit.name: limit.limit_micros for limit in limits(facts)}
    assert shown["live-test, any one day, as it was signed"] == 40_000_000
    assert shown["live-test, any one day, by its settings"] == 50_000_000


@pytest.mark.parametrize(
    ("outcome", "says"),
    [
        ("graduated", "This agent may run live campaigns"),
        ("graduated-unproven", "This agent may not handle real money yet"),
        ("not-graduated", "This agent may not spend. It was refused."),
        ("stopped", "This agent may not spend. The run was stopped"),
    ],
)
def test_the_summary_says_what_the_agent_may_do(warehouse: Warehouse, tmp_path: Path, outcome: str, says: str) -> None:
    """The first lines answer what the agent may do now, and repeat the run's reason."""
    start_run(warehouse)
    end_run(warehouse, outcome, "because of something")
    html = text_of(build(warehouse, Journal(), "a", tmp_path / "out"))
    header = html.split("</header>")[0]
    assert says in header and "because of something" in header


def test_a_run_that_goes_on_has_a_page_too(warehouse: Warehouse, tmp_path: Path) -> None:
    """Before the first gate the page says so, and names every criterion as not reached."""
    start_run(warehouse)
    page = build(warehouse, Journal(), "a", tmp_path / "out")
    html = text_of(page)
    assert "The run has not ended" in html
    assert html.count("Not reached") == 4
    assert "13 transfer effectiveness" in html
    assert "Nothing was reserved and nothing was spent." in html
    assert list(page.parent.glob("*.png")) == []


def test_phases_that_were_not_reached_are_named(warehouse: Warehouse, tmp_path: Path) -> None:
    """A run refused in simulation shows its criteria and says that the other phases were not reached."""
    start_run(warehouse)
    judge(warehouse, Phase.SIMULATION, 5, "FAIL")
    end_run(warehouse, "not-graduated", "simulation: too poor")
    html = text_of(build(warehouse, Journal(), "a", tmp_path / "out"))
    assert html.count("Not reached") == 3 and html.count("✗ FAIL") == 4
    assert "The run went no further. Attempt 1, at level α = 0.0304" in html


def test_amounts_are_absolute_and_of_this_run_only(warehouse: Warehouse) -> None:
    """The last reservation and the settlement of a key count, and another run's money does not."""
    start_run(warehouse)
    facts = facts_of(warehouse, money(), "a")
    assert [(d.worst_micros, d.billed_micros) for d in facts.spend] == [
        (50_000_000, 10_000_000),
        (40_000_000, 7_000_000),
    ]
    assert facts.billed_micros == 17_000_000
    shown = {limit.name: (limit.limit_micros, limit.worst_micros) for limit in limits(facts)}
    assert shown["live-test, any one day, by its settings"] == (50_000_000, 50_000_000)
    assert shown["any one campaign, over its life"] == (1_000_000_000, 90_000_000)
    assert shown["the whole run, billed"] == (10_000_000_000, 17_000_000)


def test_the_day_is_the_accounts_and_not_the_clocks(warehouse: Warehouse) -> None:
    """Where the journal names the account's day, that day counts and not the instant's date."""
    start_run(warehouse)
    journal = Journal([entry(1, "reserve", 0, 1, detail='{"day": "2026-01-04"}')])
    assert facts_of(warehouse, journal, "a").spend[0].day.isoformat() == "2026-01-04"


def test_stops_of_the_account_and_refusals_of_its_requests_are_shown(warehouse: Warehouse) -> None:
    """A fence has no run and a refusal only a request's id: both belong on the page of the run that they concern."""
    start_run(warehouse)
    blank = {"run": "", "phase": "", "campaign": ""}
    refused = entry(1, "refuse", 0, 0).model_copy(update={**blank, "key": "a/live-test#1"})
    elsewhere = entry(2, "refuse", 0, 0).model_copy(update={**blank, "key": "ab/live-test#1"})
    fence = entry(3, "fence", 0, 0).model_copy(update={**blank, "key": ""})
    earlier = entry(4, "fence", -1, 0).model_copy(update={**blank, "key": ""})
    foreign = entry(5, "fence", 0, 0).model_copy(update={**blank, "key": "", "account": "other"})
    facts = facts_of(warehouse, Journal([refused, elsewhere, fence, earlier, foreign]), "a")
    assert [each.sequence for each in facts.journal] == [1, 3]


def test_a_stopped_run_says_who_stopped_what_and_why(warehouse: Warehouse) -> None:
    """Of the run or of its account, the last stop before its end; without one its own reason stands."""
    start_run(warehouse)
    end_run(warehouse, "stopped", "halted")
    told = json.dumps({"by": "Ada", "reason": "prices look wrong"})
    fence, mine = entry(1, "fence", 0, 0, detail=told), entry(2, "run-stopped", 0, 0, detail=told)
    after = entry(3, "fence", 9, 0, detail=json.dumps({"by": "Bob", "reason": "later"}))
    for entries, said in (
        ([fence], "Ada stopped everything of the account at 2026-01-05 12:00 UTC, because of: prices look wrong"),
        ([fence, mine, after], "Ada stopped the run at 2026-01-05 12:00 UTC, because of: prices look wrong"),
        ([after], "halted"),
    ):
        facts = facts_of(warehouse, Journal(entries), "a")
        assert ended_because(facts) == said


def test_a_run_that_waits_may_spend_nothing_of_what_it_asks(warehouse: Warehouse) -> None:
    """Before somebody signs, and after: the phase that it is in."""
    start_run(warehouse)
    facts = facts_of(warehouse, Journal(), "a")
    assert "nothing beyond the phase" in may(facts)
    assert "until then it spends nothing of what it asks" in may(
        replace(facts, asked=["a/live-test#1 asks for 50.00 USD"])
    )


def test_the_first_screen_answers_six_questions(warehouse: Warehouse, tmp_path: Path) -> None:
    """Whose money, what it may do, what it earned, why not promoted, what is asked and the worst case."""
    start_run(warehouse)
    judge(warehouse, Phase.SIMULATION, 5, "FAIL", reason="Too poor. [++|..] incumbent 0.10, agent 0.20, optimum 1.")
    end_run(warehouse, "not-graduated", "simulation: too poor")
    html = text_of(build(warehouse, Journal(), "a", tmp_path / "out"))
    header = html.split("</header>")[0]
    said = dict(re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", header))
    assert list(said) == ["Money", "May do now", "Earned", "Why not promoted", "To sign", "Worst case from here"]
    assert (
        said["Why not promoted"].startswith("criterion 1: Too poor. criterion 2: Too poor.")
        and "incumbent" not in header
    )
    assert "by criteria average reward (1)" in header and said["To sign"] == "Nothing."
    waits = dict(answers(replace(facts_of(warehouse, Journal(), "a"), ended=None, asked=["50"]), "why", "10"))
    assert waits["Earned"] == "10" and waits["Not proven yet"].startswith("why")
    assert "on the terms of the card" in waits["To sign"] and waits["Worst case from here"].startswith("At most")


def test_the_worst_case_is_what_is_approved_or_asked_and_not_billed(warehouse: Warehouse) -> None:
    """Of a phase that goes on its largest cap less its bill, of one that was judged only what is reserved."""
    start_run(warehouse)
    entries = [each for each in money().entries if each.kind != "approve"]
    approved = entry(8, "approve", 0, 100_000_000)
    facts = facts_of(warehouse, Journal([*entries, approved]), "a")
    assert worst_case(facts) == "At most 83.00 USD more: what was approved and is not billed yet."
    asks = replace(facts, asked=["more"], asked_micros={"live-test": 150_000_000, "scaled": 20_000_000})
    assert worst_case(asks) == "At most 153.00 USD more if you sign, at most 83.00 USD if you do not."
    judge(warehouse, Phase.LIVE_TEST, 5)
    judged = facts_of(warehouse, Journal([*entries, approved]), "a")
    assert worst_case(judged) == "At most 40.00 USD more: what was approved and is not billed yet."
    nothing = replace(facts, approved={}, still_billable={}, asked=["x"], asked_micros={"scaled": 20_000_000})
    assert worst_case(nothing) == "At most 20.00 USD more if you sign, nothing more if you do not."


def test_a_gates_verdict_says_what_it_meant_for_the_run() -> None:
    """Proven, let through in advisory mode, or the end."""
    for promote, proven, said in ((1, 1, "proven, and the run"), (1, 0, "all the same"), (0, 0, "no further")):
        assert said in gate({"promote": promote, "proven": proven})


def test_phases_last_from_gate_to_gate(warehouse: Warehouse) -> None:
    """Seconds per phase run from the start or the gate before; an end without a gate has no verdict."""
    start_run(warehouse)
    judge(warehouse, Phase.SIMULATION, 12)
    end_run(warehouse, "stopped", "by hand")
    spans = facts_of(warehouse, Journal(), "a").spans
    assert [(s.phase, s.seconds, s.verdict) for s in spans] == [
        (Phase.SIMULATION, 12, "PASS"),
        (Phase.HISTORICAL, 48, ""),
    ]


def test_the_latest_verdict_of_a_criterion_is_shown(warehouse: Warehouse, tmp_path: Path) -> None:
    """A gate that was judged twice shows its second verdict, once."""
    start_run(warehouse)
    judge(warehouse, Phase.SIMULATION, 5, "INCONCLUSIVE")
    judge(warehouse, Phase.SIMULATION, 9, "PASS")
    html = text_of(build(warehouse, Journal(), "a", tmp_path / "out"))
    assert html.count("✓ PASS") == 4 and "? INCONCLUSIVE" not in html


def test_exam_batches_are_told_from_training(warehouse: Warehouse) -> None:
    """Batches numbered from 5000 are the exam's, and only settled ones are drawn."""
    whole_run(warehouse)
    batches = facts_of(warehouse, Journal(), "a").batches
    assert [(b.number, b.exam) for b in batches] == [
        (0, False),
        (1, False),
        (2, False),
        (3, False),
        (0, True),
        (1, True),
    ]


def test_an_unreadable_configuration_costs_only_the_limits(warehouse: Warehouse, tmp_path: Path) -> None:
    """A run recorded by another version still gets its page, which says that its limits are not shown."""
    start_run(warehouse, config='{"a_key_of_another_version": 1}')
    html = text_of(build(warehouse, money(), "a", tmp_path / "out"))
    assert "The limits are not shown" in html and "a_key_of_another_version" in html


def test_an_unknown_run_is_refused(warehouse: Warehouse, tmp_path: Path) -> None:
    """A run that the warehouse does not know is refused by name, and nothing is written."""
    with pytest.raises(UnknownRun, match="run 'nobody' is not in the warehouse"):
        build(warehouse, Journal(), "nobody", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_the_terminal_shows_each_criterion_with_its_reason() -> None:
    """The table that the demo ends with has one row per criterion, and says where a phase had no gate."""
    said = {"alpha": 0.0304, "checkpoint_digest": "c", "evidence_digest": "e"}
    criteria = tuple(
        CriterionVerdict(id=number, name=f"name {number}", verdict=Verdict.PASS, reason=f"[red]because {number}[/red]")
        for number in ("1", "2")
    )
    gate = GateVerdict(
        phase=Phase.SIMULATION, verdict=Verdict.PASS, criteria=criteria, attempt=1, promote=True, proven=True, **said
    )
    phases = [
        PhaseResult(phase=Phase.SIMULATION, checkpoint_digest="c", gate=gate),
        PhaseResult(phase=Phase.HISTORICAL, checkpoint_digest="c", gate=None, reason="stopped"),
    ]
    output = io.StringIO()
    Console(file=output, width=120).print(criteria_table("the run", phases, {"simulation": 12.3}))
    shown = output.getvalue()
    assert "simulation (12 s)" in shown and "no gate" in shown and "stopped" in shown
    assert "[red]because 1[/red]" in shown and "[red]because 2[/red]" in shown


def test_the_gap_between_market_and_logs_is_drawn_and_listed(warehouse: Warehouse, tmp_path: Path) -> None:
    """Logged with its interval, simulated and without a log, with their gaps; a run without logs has no such part."""
    whole_run(warehouse)
    assert "How far is the market from the logs?" not in text_of(build(warehouse, money(), "a", tmp_path / "before"))
    gap = GapEvidence(
        log="auctions", quantity=Quantity.CLICK_RATE, unit="", logged=0.004, low=0.003, high=0.005, events=40,
        simulated=0.005, assumed=0.012,
    )  # fmt: skip
    warehouse.append("gaps", [{"run": "a", "at": START, **gap.model_dump()}], "a/historical/logs")
    html = text_of(build(warehouse, money(), "a", tmp_path / "after"))
    (row,) = re.findall(r"<tr><td>auctions</td>.*?</tr>", html, re.DOTALL)
    shown = re.findall(r">([^<]+)</td>", row)
    assert shown == [
        "auctions", "clicks per impression", "0.004", "0.003 to 0.005", "0.005", "+25.0 %", "0.012", "+200.0 %", "40",
    ]  # fmt: skip
    assert (tmp_path / "after" / "gap.png").stat().st_size > 5000
    sources = Sources(warehouse, money(), ContentStore(f"{tmp_path}/store"))
    (told,) = build_report(sources, "a", tmp_path / "again").document()["gaps"]
    assert (told["logged"], told["simulated"], told["gap"]) == (0.004, 0.005, pytest.approx(0.25))
