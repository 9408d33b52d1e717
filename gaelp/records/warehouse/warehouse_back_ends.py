"""Which back end serves a warehouse's address.

The back ends are imported when they are opened, because BigQuery's client takes a second to import.

Touch this to support another one.
"""

from __future__ import annotations

from pathlib import Path

from gaelp.errors import WRONG_USE
from gaelp.records.warehouse.warehouse import Warehouse, WarehouseError


def open_warehouse(url: str) -> Warehouse:
    """Open `bigquery://PROJECT/DATASET`, or a folder of Parquet files (made if absent)."""
    if url.startswith("bigquery://"):
        from gaelp.records.warehouse.bigquery_warehouse import BigQueryWarehouse

        project, _, dataset = url.removeprefix("bigquery://").partition("/")
        if not project or not dataset or "/" in dataset:
            raise _wrong_address(url)
        return BigQueryWarehouse(project, dataset)
    if "://" in url:
        raise _wrong_address(url)
    from gaelp.records.warehouse.duckdb_warehouse import DuckDBWarehouse

    return DuckDBWarehouse(Path(url))


def _wrong_address(url: str) -> WarehouseError:
    error = WarehouseError(
        f"warehouse {url!r} is neither a folder nor bigquery://PROJECT/DATASET: set GAELP_WAREHOUSE_URL to one of them"
    )
    error.exit_code = WRONG_USE
    return error
