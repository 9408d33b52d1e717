#!/bin/sh
# Creates or updates Temporal's two databases. Safe to run again: an existing database is only brought up to date.
set -eu
schema=/etc/temporal/schema/postgresql/v12
tool() {
    database=$1
    shift
    temporal-sql-tool --plugin postgres12 --ep "$POSTGRES_SEEDS" --port 5432 --user "$POSTGRES_USER" --db "$database" "$@"
}
for pair in temporal:temporal temporal_visibility:visibility; do
    database=${pair%%:*}
    tool "$database" create
    tool "$database" setup-schema -v 0.0
    tool "$database" update-schema -d "$schema/${pair##*:}/versioned"
done
