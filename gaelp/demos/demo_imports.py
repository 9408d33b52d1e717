"""What the verbs of `make demo` import, once for all of them. Touch this when one of them needs another library."""

from __future__ import annotations

IMPORTED_ONCE = (
    "gaelp.commands.dispatch",
    "gaelp.commands.logs_and_agents.ingest",
    "gaelp.commands.people.accounts",
    "gaelp.commands.people.keys",
    "gaelp.commands.runs.start",
    "gaelp.commands.watching.report",
    "gaelp.confinement.descriptions",
    # A forked process imports the program's own module once more, and with it these.
    "gaelp.demos.demo_approvals",
    "gaelp.reports.verdict_table",
    "gaelp.evidence.phase_measurements",
    "gaelp.ledger.ledger",
    "gaelp.platforms.adapters",
    "gaelp.platforms.emulator.client",
    "gaelp.records.logs.ingestion",
    "gaelp.records.warehouse.duckdb_warehouse",
    "gaelp.reports.report_page",
    "gaelp.temporal_connection",
    "iso4217",
    "matplotlib.backends.backend_agg",
    "sqlglot.dialects.bigquery",
    "sqlglot.dialects.duckdb",
)
