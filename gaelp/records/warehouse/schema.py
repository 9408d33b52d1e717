"""The tables and views of the warehouse, once for every back end.

Every table is partitioned by `day` and clustered by its first column (the run, or the log). Columns are nullable unless
required. Add columns at the end; never rename one, and retype one only from INT64 to FLOAT64: files that were written
keep their names and types.

Touch this to record something new. A run's row is written in activities/records/runs.py, the rows of episodes,
verdicts and events in activities/records/recording.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Type = Literal["STRING", "INT64", "FLOAT64", "BOOL", "TIMESTAMP", "DATE"]


@dataclass(frozen=True)
class Column:
    """One column; `type` is GoogleSQL's name."""

    name: str
    type: Type
    required: bool = False


@dataclass(frozen=True)
class Table:
    """A table; `columns[0]` is what it is clustered by. `day` is filled from `at` where a row does not give it."""

    name: str
    columns: tuple[Column, ...]
    about: str

    @property
    def cluster(self) -> str:
        """Name of the clustering column."""
        return self.columns[0].name


@dataclass(frozen=True)
class View:
    """An analytics view in GoogleSQL over the tables it names."""

    name: str
    tables: tuple[str, ...]
    sql: str


def _columns(text: str) -> tuple[Column, ...]:
    """Read `name TYPE` pairs, one a line; `!` after the type means required."""
    columns = []
    for line in text.strip().splitlines():
        name, kind = line.split()
        columns.append(Column(name, kind.rstrip("!"), kind.endswith("!")))  # type: ignore[arg-type]
    return tuple(columns)


_RUN = "run STRING!\nday DATE!\nat TIMESTAMP!\n"
_LOG_ROW = "log STRING!\nday DATE!\ncontent STRING!\nline INT64!\n"
_JOURNAL = (
    _RUN + "sequence INT64!\nkind STRING!\naccount STRING\nphase STRING\ncampaign STRING\nkey STRING\n"
    "amount_micros INT64\ndetail STRING\n"
)

_TABLES = (
    Table(
        "runs",
        _columns(
            _RUN + "event STRING!\nagent STRING\nprofile STRING\nmode STRING\nseed INT64\n"
            "account STRING\nconfig_digest STRING\nconfig STRING\ncode_version STRING\nversions STRING\n"
            "outcome STRING\nreason STRING\ncheckpoint_digest STRING\nspend_micros INT64"
        ),
        "one row when a run starts (event 'started') and one when it ends ('ended')",
    ),
    Table(
        "episodes",
        _columns(
            _RUN + "phase STRING!\nepisode STRING!\nstate STRING!\nagent STRING\ncheckpoint_digest STRING\n"
            "episodes INT64\nreward FLOAT64\nprofit_micros INT64\nspend_micros INT64\nimpressions INT64\n"
            "clicks INT64\nconversions FLOAT64\nroi FLOAT64\nregret FLOAT64\nreason STRING\n"
            "attributed_profit_micros INT64\noptimum_micros INT64\nallocation_micros INT64\nestimation_micros INT64\n"
            "over_bidding_micros INT64\nunder_bidding_micros INT64\nfailures INT64\npurpose STRING"
        ),
        "an episode each time its state changes; a simulated batch is one row, its episodes summed",
    ),
    Table(
        "simulated_episodes",
        _columns(
            _RUN + "phase STRING!\nbatch STRING!\nepisode INT64!\nstate STRING!\npurpose STRING!\nagent STRING!\n"
            "checkpoint_digest STRING!\nreward FLOAT64!\nratio FLOAT64!\nsuccess BOOL!\ngain FLOAT64!\nroi FLOAT64\n"
            "expected_profit_micros INT64!\nattributed_profit_micros INT64!\nincumbent_profit_micros INT64!\n"
            "optimum_micros INT64!\nestimation_micros INT64!\nallocation_micros INT64!\nover_bidding_micros INT64!\n"
            "under_bidding_micros INT64!\nrevenue_micros INT64!\nspend_micros INT64!\nimpressions INT64!\n"
            "clicks INT64!\nconversions INT64!\nreason STRING"
        ),
        "one row per simulated episode; `batch` is the row of `episodes` that sums them, `ratio` is profit / optimum",
    ),
    Table(
        "curriculum",
        _columns(
            _RUN + "round INT64!\nposition INT64!\ntask STRING!\nmastered BOOL!\nbatches INT64!\nreward FLOAT64\n"
            "success_rate FLOAT64\nexams INT64!\nlost INT64!\ncheckpoint_digest STRING!"
        ),
        "one row per task of the curriculum and learning round: where the agent stood after it",
    ),
    Table(
        "decisions",
        _columns(
            _RUN + "phase STRING!\ncampaign STRING!\ntick INT64\nagent STRING\ncheckpoint_digest STRING\n"
            "observation_digest STRING\ndecision_digest STRING\napplied BOOL\nreason STRING"
        ),
        "what an agent decided in a live campaign, by digest",
    ),
    Table("spend", _columns(_JOURNAL), "the ledger's journal of reservations and spend; amounts are absolute"),
    Table("violations", _columns(_JOURNAL), "the ledger's journal of violations and their resolution"),
    Table("approvals", _columns(_JOURNAL), "the ledger's journal of approvals, refusals and fences"),
    Table(
        "verdicts",
        _columns(
            _RUN + "phase STRING!\nattempt INT64\nalpha FLOAT64\nverdict STRING!\npromote BOOL\nproven BOOL\n"
            "criterion STRING!\nname STRING\ncriterion_verdict STRING!\nestimate FLOAT64\nbound FLOAT64\n"
            "threshold FLOAT64\nunit STRING\nn INT64\nformula STRING\ninconclusive STRING\nreason STRING\n"
            "checkpoint_digest STRING\nevidence_digest STRING"
        ),
        "one row per criterion of a gate's verdict",
    ),
    Table(
        "gaps",
        _columns(
            _RUN + "log STRING!\nquantity STRING!\nunit STRING\nlogged FLOAT64!\nlow FLOAT64!\nhigh FLOAT64!\n"
            "events INT64!\nsimulated FLOAT64!\nassumed FLOAT64!"
        ),
        "one row per quantity of a log's later part, with its 90 % interval, beside the run's market and one without",
    ),
    Table(
        "logs",
        _columns(
            "log STRING!\nday DATE!\nat TIMESTAMP!\nkind STRING!\ncontent STRING!\nsource STRING\nrows INT64!\n"
            "rejected INT64!\nreasons STRING\nnotes STRING\nwindow_start TIMESTAMP\nwindow_end TIMESTAMP\n"
            "items STRING\nmapping STRING"
        ),
        "one row per ingested log; `content` is the digest that its rows carry; `items` is JSON",
    ),
    Table(
        "bandit_rows",
        _columns(
            _LOG_ROW + "at TIMESTAMP!\nposition INT64!\naction INT64!\npropensity FLOAT64!\nclick INT64!\n"
            "user_features STRING!"
        ),
        "what was shown, with which propensity, and whether it was clicked; user_features is a JSON array of strings",
    ),
    Table(
        "market_rows",
        _columns(
            _LOG_ROW + "at TIMESTAMP\nclick INT64\nmarket_price INT64!\nbid INT64\npctr FLOAT64\nexchange STRING\n"
            "creative STRING\nadvertiser STRING"
        ),
        "auctions won, prices in the log's own unit per thousand impressions; day 1970-01-01 where it has no dates",
    ),
    Table(
        "report_rows",
        _columns(
            _LOG_ROW + "at TIMESTAMP!\ncampaign STRING!\nengagement STRING\nbanner STRING\nplacement STRING\n"
            "impressions INT64!\nclicks INT64!\nconversions FLOAT64\ncost_micros INT64\nrevenue_micros INT64\n"
            "sales_micros INT64\ncurrency STRING\nuntil TIMESTAMP"
        ),
        "a campaign's day in a placement, as reported",
    ),
    Table(
        "split_test_rows",
        _columns(_LOG_ROW + "at TIMESTAMP\nexperiment STRING\narm STRING!\nimpressions INT64!\nclicks INT64!"),
        "an arm of an A/B test, summed; day 1970-01-01 where it has no dates",
    ),
    Table(
        "rejected_rows",
        _columns("log STRING!\nday DATE!\ncontent STRING!\nline INT64!\nreason STRING!\nraw STRING"),
        "rows of a log that were not taken, with the first reason; day is the day of ingestion",
    ),
)
TABLES: dict[str, Table] = {table.name: table for table in _TABLES}

_RUN_SUMMARY = """
SELECT s.run, s.day, s.at AS started_at, s.agent, s.profile, s.account, s.config_digest,
       e.at AS ended_at, e.outcome, e.reason, e.checkpoint_digest, e.spend_micros,
       COALESCE(p.episodes, 0) AS episodes, p.reward,
       COALESCE(v.gates, 0) AS gates, COALESCE(v.passed, 0) AS gates_passed
FROM (SELECT * FROM runs WHERE event = 'started') AS s
LEFT JOIN (SELECT * FROM runs WHERE event = 'ended') AS e ON e.run = s.run
LEFT JOIN (
  SELECT run, SUM(episodes) AS episodes,
         SAFE_DIVIDE(SUM(reward * episodes), SUM(IF(reward IS NULL, 0, episodes))) AS reward
  FROM episodes WHERE state = 'settled' AND COALESCE(purpose, '') NOT IN ('permuted', 'mastery') GROUP BY run
) AS p ON p.run = s.run
LEFT JOIN (
  SELECT run, COUNT(*) AS gates, COUNTIF(verdict = 'PASS') AS passed
  FROM (SELECT DISTINCT run, phase, attempt, verdict FROM verdicts) GROUP BY run
) AS v ON v.run = s.run
"""

# The ledger's amounts are absolute, so the last post or settlement of a key is what that key has cost. The day is the
# ad account's, from the entry's detail.
_SPEND_BY_DAY = """
SELECT day, run, account, phase, SUM(amount_micros) AS spend_micros, COUNT(*) AS campaign_days
FROM (
  SELECT COALESCE(SAFE_CAST(JSON_VALUE(detail, '$.day') AS DATE), day) AS day, run, account, phase, key, amount_micros
  FROM spend WHERE kind IN ('post', 'settle')
  QUALIFY ROW_NUMBER() OVER (PARTITION BY account, key ORDER BY sequence DESC) = 1
)
GROUP BY day, run, account, phase
"""

VIEWS: dict[str, View] = {
    "v_run_summary": View("v_run_summary", ("runs", "episodes", "verdicts"), _RUN_SUMMARY),
    "v_spend_by_day": View("v_spend_by_day", ("spend",), _SPEND_BY_DAY),
}
