"""Which back end serves a warehouse's address.

The back ends are imported when they are opened, because BigQuery's client takes a second to import.

Touch this to support another one.
"""

from __future__ import annotations

from pathlib import Path

from gaelp.records.warehouse.warehouse import Warehouse, WarehouseError


def open_warehouse(url: str) -> Warehouse:
    """Open `bigquery://PROJECT/DATASET`, or a folder of Parquet files (made if absent)."""
    if url.startswith("bigquery://"):
        from gaelp.records.warehouse.bigquery_warehouse import BigQueryWarehouse

        project, _, dataset = url.removeprefix("bigquery://").partition("/")
        if not project or not dataset or "/" in dataset:
            raise WarehouseError(f"warehouse {url!r} is not bigquery://PROJECT/DATASET")
        return BigQueryWarehouse(project, dataset)
    if "://" in url:
        raise WarehouseError(f"warehouse {url!r} is neither a folder nor bigquery://PROJECT/DATASET")
    from gaelp.records.warehouse.duckdb_warehouse import DuckDBWarehouse

    return DuckDBWarehouse(Path(url))
