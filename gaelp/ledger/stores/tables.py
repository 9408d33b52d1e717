"""The ledger's tables.

Amounts are integer micros of the account's currency, days those of the ad account; gaelp/ledger/column_types.py says
what else a column holds. Touch this to keep another fact; raise SCHEMA_VERSION.
"""

from __future__ import annotations

import secrets

import sqlalchemy as sa

from gaelp.domain.gates.verdicts import Verdict
from gaelp.domain.monitoring.alerts import ALERT_ENTRIES
from gaelp.domain.monitoring.ladder import LadderStep
from gaelp.domain.phases import Phase
from gaelp.domain.spending.ledger_records import Intent
from gaelp.ledger.column_types import Instant, Named, Sum

SCHEMA_VERSION = 14

# An index of part of a table serves a query only where the query has the same words, and no parameter in their place.
IS_OPEN = "state = 'open'"
CREATES = "intent = 'create'"
UNDECIDED = "state IN ('open', 'void')"
IS_ALERT = f"kind IN ({', '.join(repr(kind) for kind in ALERT_ENTRIES)})"
ALONE = "approved_alone"

metadata = sa.MetaData()


def _identity() -> str:
    return secrets.token_hex(16)


schema = sa.Table(
    "ledger_schema",
    metadata,
    sa.Column("version", sa.Integer, primary_key=True),
    sa.Column("identity", sa.Text, nullable=False, default=_identity),  # drawn once, when the ledger is made
)

accounts = sa.Table(
    "accounts",
    metadata,
    sa.Column("account", sa.Text, primary_key=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("platform", sa.Text, nullable=False),
    sa.Column("currency", sa.Text, nullable=False),
    sa.Column("timezone", sa.Text, nullable=False),
    sa.Column("daily_cap_micros", sa.BigInteger, nullable=False),
    sa.Column("total_cap_micros", sa.BigInteger, nullable=False),
    sa.Column("dollar_rate", sa.JSON),
    sa.Column("call_quota", sa.JSON),
    sa.Column("four_eyes_above_micros", sa.BigInteger),
    sa.Column("fence", sa.Integer, nullable=False),
)

# A table of its own: whoever reserves holds the account's row, and a call to the platform must not wait for that.
platform_calls = sa.Table(
    "platform_calls",
    metadata,
    sa.Column("account", sa.Text, sa.ForeignKey("accounts.account"), primary_key=True),
    sa.Column("booked_until", Instant, nullable=False),  # rules/call_rules.py
)

approvers = sa.Table(
    "approvers",
    metadata,
    sa.Column("account", sa.Text, sa.ForeignKey("accounts.account"), primary_key=True),
    sa.Column("key_id", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("public_key", sa.Text, nullable=False),
    sa.Column("limit_micros", sa.BigInteger, nullable=False),
    sa.Column("demo", sa.Boolean, nullable=False),
    sa.Column("credential", sa.Text, nullable=False),  # of a passkey; empty: a key file
    sa.Column("origin", sa.Text, nullable=False),
)

runs = sa.Table(
    "runs",
    metadata,
    sa.Column("run", sa.Text, primary_key=True),
    sa.Column("account", sa.Text, sa.ForeignKey("accounts.account"), nullable=False),
    sa.Column("at", Instant, nullable=False),
    sa.Column("ended_at", Instant),  # once it has ended: no gate judges it any more, and it does not begin again
    sa.Column("stopped_at", Instant),  # once a person has stopped it: nothing of it is reserved or claimed any more
    sa.Column("agent", sa.Text, nullable=False),  # empty until it has begun, and so is the next one
    sa.Column("config_digest", sa.Text, nullable=False),
    sa.Column("rests_on_passes", sa.Boolean, nullable=False),  # of other runs: a strict run that has skipped phases
    sa.Column("starter", sa.JSON),  # a Starter, where its start was signed
)

attempts = sa.Table(
    "attempts",
    metadata,
    sa.Column("account", sa.Text, sa.ForeignKey("accounts.account"), primary_key=True),
    sa.Column("product", sa.Text, primary_key=True),
    sa.Column("agent", sa.Text, primary_key=True),
    sa.Column("gate", sa.Text, primary_key=True),
    sa.Column("assessment", sa.Text, primary_key=True),
    sa.Column("attempt", sa.Integer, nullable=False),
    sa.Column("counted", sa.Boolean, nullable=False),  # False once a named person has reset the count
)

verdicts = sa.Table(
    "verdicts",
    metadata,
    sa.Column("run", sa.Text, primary_key=True),
    sa.Column("phase", Named(Phase), primary_key=True),
    sa.Column("checkpoint_digest", sa.Text, nullable=False, index=True),
    sa.Column("evidence_digest", sa.Text, nullable=False),
    sa.Column("heads", sa.JSON, nullable=False),  # decision heads that the evidence validated
    sa.Column("verdict", Named(Verdict), nullable=False),
    sa.Column("promote", sa.Boolean, nullable=False),
    sa.Column("criteria", sa.JSON, nullable=False),  # a list of CriterionVerdict
    sa.Column("lost_to", sa.Text, nullable=False),  # the run's phase whose FAIL has taken the pass; empty: none has
)

requests = sa.Table(
    "approval_requests",
    metadata,
    sa.Column("request_id", sa.Text, primary_key=True),
    sa.Column("account", sa.Text, sa.ForeignKey("accounts.account"), nullable=False),
    sa.Column("run", sa.Text, nullable=False, index=True),
    sa.Column("phase", sa.Text, nullable=False),
    sa.Column("nonce", sa.Text, nullable=False),
    sa.Column("body", sa.Text, nullable=False),  # the request as JSON
    sa.Column("digest", sa.Text, nullable=False),
    sa.Column("exposure_text", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),  # as in StoredRequest
    sa.Column("approver", sa.Text, nullable=False),
    sa.Column("opened_at", Instant, nullable=False),
    sa.Column("decided_at", Instant),
    sa.Column("approved_alone", sa.Boolean, nullable=False),  # one person has approved it, and nobody else was proven
    sa.Index("approved_alone_requests", "account", sqlite_where=sa.text(ALONE), postgresql_where=sa.text(ALONE)),
    sa.Index("undecided_requests", "account", sqlite_where=sa.text(UNDECIDED), postgresql_where=sa.text(UNDECIDED)),
)

approved_campaigns = sa.Table(
    "approved_campaigns",
    metadata,
    sa.Column("digest", sa.Text, primary_key=True),  # of the whole list, which a request names
    sa.Column("campaign", sa.Text, primary_key=True),
    sa.Column("position", sa.Integer, nullable=False),
    sa.Column("body", sa.Text, nullable=False),  # the ApprovedCampaign as JSON
)

campaign_reports = sa.Table(
    "campaign_reports",
    metadata,
    sa.Column("campaign", sa.Text, primary_key=True),
    sa.Column("kind", sa.Text, primary_key=True),  # how far it is, how it ended, each decision and each halt
    sa.Column("phase", sa.Text, nullable=False),  # its workflow id: RUN/PHASE
    sa.Column("body", sa.Text, nullable=False),  # a DayReached, CampaignResult, DecisionMade, or a halt's reason
    sa.Column("at", Instant, nullable=False),
    sa.Index("reports_of_phase", "phase", "kind"),
)

nonces = sa.Table(
    "nonces",
    metadata,
    sa.Column("nonce", sa.Text, primary_key=True),
    sa.Column("request_id", sa.Text, nullable=False),
)

submissions = sa.Table(
    "submissions",
    metadata,
    sa.Column("submission", sa.Text, primary_key=True),
    sa.Column("outcome", sa.Text, nullable=False),  # ApprovalOutcome as JSON
)

reservations = sa.Table(
    "reservations",
    metadata,
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("account", sa.Text, sa.ForeignKey("accounts.account"), nullable=False),
    sa.Column("run", sa.Text, nullable=False, index=True),
    sa.Column("phase", Named(Phase), nullable=False),
    sa.Column("campaign", sa.Text, nullable=False),
    sa.Column("day", sa.Date, nullable=False),
    sa.Column("request_id", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),  # open, frozen, settled
    sa.Column("worst_case_micros", sa.BigInteger, nullable=False),
    sa.Column("billed_micros", sa.BigInteger, nullable=False),
    sa.Column("served_micros", sa.BigInteger, nullable=False),
    sa.Column("final_micros", sa.BigInteger),
    sa.Column("counted_micros", sa.BigInteger, nullable=False),  # what every cap counts for this row
    sa.Column("posted_at", Instant),
    sa.Index("reservations_of_account", "account", "day"),
    sa.Index("reservations_of_campaign", "campaign", "account", "day"),
    sa.Index("open_reservations", "day", sqlite_where=sa.text(IS_OPEN), postgresql_where=sa.text(IS_OPEN)),
)

totals = sa.Table(
    "totals",
    metadata,
    # What does not apply in a scope is empty. The run comes first, because a phase may spend on several accounts.
    *(sa.Column(name, sa.Text, primary_key=True) for name in ("scope", "run", "phase", "account", "campaign", "day")),
    *(sa.Column(name, Sum, nullable=False) for name in ("counted_micros", "unsettled_micros", "spent_micros")),
)

claims = sa.Table(
    "claims",
    metadata,
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("account", sa.Text, sa.ForeignKey("accounts.account"), nullable=False),
    sa.Column("run", sa.Text, nullable=False),
    sa.Column("campaign", sa.Text, nullable=False),
    sa.Column("intent", Named(Intent), nullable=False),
    sa.Column("fence", sa.Integer, nullable=False),
    sa.Column("state", sa.Text, nullable=False),  # open, done, failed
    sa.Column("detail", sa.Text, nullable=False),
    sa.Column("platform_id", sa.Text, nullable=False),  # of the campaign, once the platform has told it
    sa.Column("at", Instant, nullable=False),
    sa.Index("open_claims", "account", "at", sqlite_where=sa.text(IS_OPEN), postgresql_where=sa.text(IS_OPEN)),
    sa.Index("creations", "account", "campaign", sqlite_where=sa.text(CREATES), postgresql_where=sa.text(CREATES)),
)

written_settings = sa.Table(
    "written_settings",
    metadata,
    sa.Column("campaign", sa.Text, primary_key=True),
    sa.Column("account", sa.Text, sa.ForeignKey("accounts.account"), nullable=False),
    sa.Column("confirmed", sa.Text, nullable=False),  # a CampaignState as JSON: as we last wrote it and read it back
    sa.Column("begun", sa.Text, nullable=False),  # a list of the same: writes since, whose outcome is not known
    sa.Column("at", Instant, nullable=False),
)

reported_days = sa.Table(
    "reported_days",
    metadata,
    sa.Column("campaign", sa.Text, primary_key=True),
    sa.Column("account", sa.Text, sa.ForeignKey("accounts.account"), nullable=False),
    sa.Column("run", sa.Text, nullable=False, index=True),
    sa.Column("days", sa.Text, nullable=False),  # a list of DayReport as JSON
    sa.Column("at", Instant, nullable=False),  # of the platform's report
)

violations = sa.Table(
    "violations",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("account", sa.Text, sa.ForeignKey("accounts.account"), nullable=False),
    sa.Column("run", sa.Text, nullable=False, index=True),
    sa.Column("phase", sa.Text, nullable=False),
    sa.Column("campaign", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("severity", sa.Text, nullable=False),
    sa.Column("evidence", sa.Text, nullable=False),
    sa.Column("at", Instant, nullable=False),
    sa.Column("resolved_by", sa.Text),
    sa.Column("resolution", sa.Text),
)

monitoring_steps = sa.Table(
    "monitoring_steps",
    metadata,
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("account", sa.Text, sa.ForeignKey("accounts.account"), nullable=False),
    sa.Column("run", sa.Text, nullable=False, index=True),
    sa.Column("phase", Named(Phase), nullable=False),
    sa.Column("campaign", sa.Text, nullable=False),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("step", Named(LadderStep), nullable=False),
    sa.Column("day", sa.Date, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("evidence", sa.JSON, nullable=False),  # a list of Anomaly
    sa.Column("before", sa.JSON, nullable=False),  # SettingsInForce, and so is the next one
    sa.Column("after", sa.JSON, nullable=False),
    sa.Column("at", Instant, nullable=False),
    sa.Column("undone_by", sa.Text, nullable=False),
    sa.Column("undone_because", sa.Text, nullable=False),
)

journal = sa.Table(
    "journal",
    metadata,
    sa.Column("sequence", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("at", Instant, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("account", sa.Text, nullable=False),
    sa.Column("run", sa.Text, nullable=False),
    sa.Column("phase", sa.Text, nullable=False),
    sa.Column("campaign", sa.Text, nullable=False),
    sa.Column("key", sa.Text, nullable=False),
    sa.Column("amount_micros", sa.BigInteger, nullable=False),
    sa.Column("detail", sa.Text, nullable=False),  # JSON
    sa.Index("alerts", "run", "sequence", sqlite_where=sa.text(IS_ALERT), postgresql_where=sa.text(IS_ALERT)),
)

counter = sa.Table(
    "journal_counter",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("value", sa.BigInteger, nullable=False),
)
