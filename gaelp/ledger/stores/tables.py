"""The ledger's tables.

Amounts are integer micros of the account's currency, instants are integer microseconds since 1970 in UTC (so that
SQLite and PostgreSQL compare them alike), days are days of the ad account's time zone. Touch this to keep another fact
about money; raise SCHEMA_VERSION when you do.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

from gaelp.ledger.rules.valid_values import aware

SCHEMA_VERSION = 3

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Instant(TypeDecorator[datetime]):
    """An aware datetime as microseconds since 1970; a naive one is refused."""

    impl = sa.BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        if value is None:
            return None
        return (aware(value) - _EPOCH) // timedelta(microseconds=1)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        return None if value is None else _EPOCH + timedelta(microseconds=int(value))


metadata = sa.MetaData()

schema = sa.Table("ledger_schema", metadata, sa.Column("version", sa.Integer, primary_key=True))

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
    sa.Column("fence", sa.Integer, nullable=False),
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
)

runs = sa.Table(
    "runs",
    metadata,
    sa.Column("run", sa.Text, primary_key=True),
    sa.Column("account", sa.Text, sa.ForeignKey("accounts.account"), nullable=False),
    sa.Column("at", Instant, nullable=False),
    sa.Column("stopped_at", Instant),  # once a person has stopped it: nothing of it is reserved or claimed any more
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
    sa.Column("state", sa.Text, nullable=False),  # open, approved, rejected, superseded
    sa.Column("approver", sa.Text, nullable=False, default=""),
    sa.Column("opened_at", Instant, nullable=False),
    sa.Column("decided_at", Instant),
)

approved_campaigns = sa.Table(
    "approved_campaigns",
    metadata,
    sa.Column("digest", sa.Text, primary_key=True),  # of the whole list, which a request names
    sa.Column("campaign", sa.Text, primary_key=True),
    sa.Column("position", sa.Integer, nullable=False),
    sa.Column("body", sa.Text, nullable=False),  # the ApprovedCampaign as JSON
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
    sa.Column("phase", sa.Text, nullable=False),
    sa.Column("campaign", sa.Text, nullable=False, index=True),
    sa.Column("day", sa.Date, nullable=False),
    sa.Column("request_id", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),  # open, frozen, settled
    sa.Column("worst_case_micros", sa.BigInteger, nullable=False),
    sa.Column("billed_micros", sa.BigInteger, nullable=False),
    sa.Column("served_micros", sa.BigInteger, nullable=False),
    sa.Column("final_micros", sa.BigInteger),
    sa.Column("counted_micros", sa.BigInteger, nullable=False),  # what every cap counts for this row
    sa.Column("posted_at", Instant),
    sa.Index("reservations_by_day", "account", "day", "counted_micros"),
)

claims = sa.Table(
    "claims",
    metadata,
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("account", sa.Text, sa.ForeignKey("accounts.account"), nullable=False, index=True),
    sa.Column("run", sa.Text, nullable=False),
    sa.Column("campaign", sa.Text, nullable=False),
    sa.Column("intent", sa.Text, nullable=False),
    sa.Column("fence", sa.Integer, nullable=False),
    sa.Column("state", sa.Text, nullable=False),  # open, done, failed
    sa.Column("detail", sa.Text, nullable=False),
    sa.Column("platform_id", sa.Text, nullable=False, default=""),  # of the campaign, once the platform has told it
    sa.Column("at", Instant, nullable=False),
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
)

counter = sa.Table(
    "journal_counter",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("value", sa.BigInteger, nullable=False),
)
