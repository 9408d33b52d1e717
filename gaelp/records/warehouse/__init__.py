"""The warehouse: facts in tables, on DuckDB or BigQuery. Touch this to record something new."""
