"""Traces: one spans the start of a workflow, the workflow, and its activity."""

from __future__ import annotations

from pathlib import Path

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from pydantic import ValidationError
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment

from gaelp.domain.temporal_names import Queue
from gaelp.settings import Settings
from gaelp.traces import NoTracing, collecting, interceptor, tracing
from tests.support.local_runs import LocalRuns
from worker import make_worker


@pytest.mark.asyncio(loop_scope="session")
async def test_one_trace_goes_from_the_start_to_the_activity(
    environment: WorkflowEnvironment, local_runs: LocalRuns
) -> None:
    """Every span has the same trace, and the one before it as its parent; none holds what a message says."""
    exporter = InMemorySpanExporter()
    provider = collecting(exporter)
    config = environment.client.config()
    config["interceptors"] = [interceptor(provider)]
    client = Client(**config)
    async with make_worker(client, local_runs.settings, Queue.STOP):
        await client.execute_workflow("Reaper", id="traced-look", task_queue=Queue.STOP)
    provider.force_flush()
    spans = {span.name: span for span in exporter.get_finished_spans()}
    chain = ["StartWorkflow:Reaper", "RunWorkflow:Reaper", "StartActivity:reap", "RunActivity:reap"]
    assert set(chain) <= spans.keys()
    assert len({_trace(span) for span in spans.values()}) == 1
    parents = {name: span.parent.span_id for name, span in spans.items() if span.parent}
    assert spans[chain[0]].parent is None
    assert parents[chain[1]] == parents[chain[2]] == _id(spans[chain[0]]) or parents[chain[2]] == _id(spans[chain[1]])
    assert parents[chain[3]] == _id(spans[chain[2]])
    held = {name for span in spans.values() for name in span.attributes or {}}
    assert held <= {"temporalWorkflowID", "temporalRunID", "temporalActivityID"}


def _trace(span: ReadableSpan) -> int:
    assert span.context is not None
    return span.context.trace_id


def _id(span: ReadableSpan) -> int:
    assert span.context is not None
    return span.context.span_id


def test_without_an_address_nothing_is_wrapped(tmp_path: Path) -> None:
    """No interceptor is made; an address with a password is refused, and its refusal does not repeat it."""
    assert tracing(Settings(home=tmp_path)) == []
    with pytest.raises(ValidationError, match="traces_url") as refused:
        Settings(traces_url="http://me:secret@127.0.0.1:4318/v1/traces")
    assert "secret" not in str(refused.value)


def test_a_missing_package_is_one_sentence() -> None:
    """Where the extra is not installed, a command that is asked for traces names it."""
    try:
        import opentelemetry.exporter.otlp.proto.http  # noqa: F401
    except ImportError:
        with pytest.raises(NoTracing, match=r"gaelp\[traces\]"):
            tracing(Settings(traces_url="http://127.0.0.1:4318/v1/traces"))
    else:
        pytest.skip("the extra is installed here")
