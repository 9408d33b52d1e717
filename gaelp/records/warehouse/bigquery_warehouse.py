"""The warehouse in BigQuery, through the official client.

Each append is one load job whose id is made of table and key: BigQuery refuses a second job of that id, so the rows are
loaded once, whoever retries. Where BIGQUERY_EMULATOR_HOST names an emulator, the client needs no credentials.

Touch this to change how facts get to BigQuery.
"""

from __future__ import annotations

import functools
import hashlib
import io
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from typing import Any, TypeVar

import pyarrow.parquet as pq
import requests
import sqlglot
from google.api_core import exceptions as api
from google.api_core.retry import Retry
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery
from sqlglot import exp

from gaelp.records.warehouse.arrow_rows import arrow_table, checked_columns, table_named
from gaelp.records.warehouse.queries import bound, referenced, select
from gaelp.records.warehouse.schema import TABLES, VIEWS, Table, View
from gaelp.records.warehouse.warehouse import WarehouseError, WarehouseUnavailable

_TIMEOUT = 30.0  # seconds for one call; the client would wait for ever
_JOB_TIMEOUT = 300.0  # seconds for a load job or a query to end
_RETRY = Retry(predicate=lambda error: isinstance(error, api.ServerError), initial=0.2, maximum=2.0, timeout=8.0)
_LOAD_ATTEMPTS = 20  # a failed job keeps its id for ever: the next attempt takes the next suffix
_Result = TypeVar("_Result")


class BigQueryWarehouse:
    """A warehouse in one dataset; the dataset, its tables and views are made where absent."""

    def __init__(self, project: str, dataset: str) -> None:
        emulator = os.environ.get("BIGQUERY_EMULATOR_HOST", "")
        self._address = (emulator if "://" in emulator else f"http://{emulator}") if emulator else "BigQuery"
        options = {"api_endpoint": self._address} if emulator else None
        credentials = AnonymousCredentials() if emulator else None  # type: ignore[no-untyped-call]
        self._client = bigquery.Client(project=project, credentials=credentials, client_options=options)
        self._dataset = bigquery.DatasetReference(project, dataset)
        self._lock = threading.Lock()
        self._made: set[str] = set()

    def append(self, table: str, rows: Sequence[Mapping[str, Any]], key: str) -> int:
        """Load the rows by a job of their own id; a key that was used before adds nothing."""
        return self._append(table, arrow_table(table_named(table), rows), key)

    def append_columns(self, table: str, columns: Any, key: str) -> int:
        """Load the columns by a job of their own id."""
        return self._append(table, checked_columns(table_named(table), columns), key)

    def _append(self, table: str, data: Any, key: str) -> int:
        if not data.num_rows:
            return 0
        self._prepare([table])
        for attempt in range(_LOAD_ATTEMPTS):
            job_id = _job_id(self._dataset, table, key, attempt)
            new = self._reach(functools.partial(self._load, table, data, job_id))
            if new is not None:
                return data.num_rows if new else 0
        raise WarehouseError(f"append {key!r} to {table}: {_LOAD_ATTEMPTS} load jobs failed; BigQuery lists them")

    def _load(self, table: str, data: Any, job_id: str) -> bool | None:
        """True: loaded now. False: loaded before. None: an earlier job of that id has failed."""
        job = self._job(job_id)  # before the rows are sent, because a retry has often sent them
        new = job is None
        if job is None:
            try:
                job = self._start(table, data, job_id)
            except api.Conflict:
                new, job = False, self._client.get_job(job_id, retry=_RETRY, timeout=_TIMEOUT)
        try:
            job.result(retry=_RETRY, timeout=_JOB_TIMEOUT)
        except api.GoogleAPICallError:
            if not new and job.done(retry=_RETRY, timeout=_TIMEOUT) and job.error_result:
                return None
            raise
        return new

    def _job(self, job_id: str) -> Any:
        """The load job of that id, or None."""
        try:
            return self._client.get_job(job_id, retry=_RETRY, timeout=_TIMEOUT)
        except api.NotFound:
            return None

    def _start(self, table: str, data: Any, job_id: str) -> Any:
        buffer = io.BytesIO()
        pq.write_table(data, buffer)
        size = buffer.tell()
        config = bigquery.LoadJobConfig(
            source_format=bigquery.SourceFormat.PARQUET,
            write_disposition=bigquery.WriteDisposition.WRITE_APPEND,
            create_disposition=bigquery.CreateDisposition.CREATE_NEVER,
        )
        load = functools.partial(
            self._client.load_table_from_file,
            buffer,
            self._dataset.table(table),
            rewind=True,
            size=size,
            num_retries=0,
            job_id=job_id,
            job_config=config,
            timeout=_TIMEOUT,
        )
        try:
            return load()
        except requests.ConnectionError:  # an idle connection was closed; if the job began after all, its id says so
            return load()

    def query(self, sql: str, parameters: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        """Rows of a GoogleSQL SELECT."""
        return [dict(row.items()) for row in self._run(sql, parameters or {})]

    def columns(self, sql: str, parameters: Mapping[str, Any] | None = None) -> Any:
        """The result as a pyarrow.Table."""
        result = self._run(sql, parameters or {})
        return self._reach(lambda: result.to_arrow(create_bqstorage_client=False))

    def _run(self, sql: str, parameters: Mapping[str, Any]) -> Any:
        tree = select(sql)
        values = bound(tree, parameters, sql)
        self._prepare(referenced(tree))
        config = bigquery.QueryJobConfig(
            default_dataset=self._dataset,
            query_parameters=[_parameter(name, value) for name, value in values.items()],
        )

        def rows_of_job() -> Any:
            job = self._client.query(sql, job_config=config, retry=_RETRY, timeout=_TIMEOUT, job_retry=None)
            return job.result(retry=_RETRY, timeout=_JOB_TIMEOUT, job_retry=None)

        return self._reach(rows_of_job)

    def _prepare(self, names: Sequence[str]) -> None:
        """Make what is absent of the tables and views a call needs, once per process."""
        with self._lock:
            for name in names:
                if name not in self._made:
                    self._reach(functools.partial(self._create, name))
                    self._made.add(name)

    def _create(self, name: str) -> None:
        if not self._made:
            self._client.create_dataset(self._dataset, exists_ok=True, retry=_RETRY, timeout=_TIMEOUT)
        definition = self._definition(TABLES[name]) if name in TABLES else self._view(VIEWS[name])
        self._client.create_table(definition, exists_ok=True, retry=_RETRY, timeout=_TIMEOUT)

    def _view(self, view: View) -> Any:
        definition = bigquery.Table(self._dataset.table(view.name))
        definition.view_query = _qualified(view.sql, self._dataset)
        return definition

    def _definition(self, table: Table) -> Any:
        fields = [
            bigquery.SchemaField(c.name, c.type, mode="REQUIRED" if c.required else "NULLABLE") for c in table.columns
        ]
        definition = bigquery.Table(self._dataset.table(table.name), schema=fields)
        definition.time_partitioning = bigquery.TimePartitioning(field="day")
        definition.clustering_fields = [table.cluster]
        definition.description = table.about
        return definition

    def _reach(self, call: Callable[[], _Result]) -> _Result:
        """`call`, with its failures as ours."""
        try:
            return call()
        except (api.BadRequest, api.NotFound, api.Forbidden) as error:
            raise WarehouseError(f"BigQuery refused: {error.message}") from error
        except (api.ServerError, api.RetryError, requests.RequestException, TimeoutError) as error:
            raise WarehouseUnavailable(
                f"the warehouse at {self._address} does not answer ({type(error).__name__}); "
                "start it, or set GAELP_WAREHOUSE_URL to a folder"
            ) from error

    def close(self) -> None:
        """Close the client's connections."""
        self._client.close()


def _job_id(dataset: Any, table: str, key: str, attempt: int) -> str:
    identity = "\n".join((dataset.project, dataset.dataset_id, table, key))
    return f"gaelp-{table}-{hashlib.sha256(identity.encode()).hexdigest()[:32]}-{attempt}"


def _qualified(sql: str, dataset: Any) -> str:
    """The view's SQL with its tables named in full: a stored view has no default dataset."""
    tree = sqlglot.parse_one(sql, read="bigquery")
    for table in tree.find_all(exp.Table):
        table.set("db", exp.to_identifier(dataset.dataset_id, quoted=True))
        table.set("catalog", exp.to_identifier(dataset.project, quoted=True))
    return tree.sql(dialect="bigquery")


_TYPES = ((bool, "BOOL"), (int, "INT64"), (float, "FLOAT64"), (datetime, "TIMESTAMP"), (date, "DATE"), (str, "STRING"))


def _type(value: object) -> str:
    for kind, name in _TYPES:  # bool before int, datetime before date: each is the other's subclass
        if isinstance(value, kind):
            return name
    raise WarehouseError(f"a query parameter may not be a {type(value).__name__}")


def _parameter(name: str, value: object) -> Any:
    if isinstance(value, list | tuple):
        return bigquery.ArrayQueryParameter(name, _type(value[0]) if value else "STRING", list(value))
    return bigquery.ScalarQueryParameter(name, "STRING" if value is None else _type(value), value)
