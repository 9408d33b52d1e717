"""A run that asks a language model's endpoint about its panel: real HTTP, real Redis, real workflows."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.testing import WorkflowEnvironment

from gaelp.domain.phases import Outcome
from tests.support.local_runs import LocalRuns, until
from tests.workflows.conftest import serving

pytestmark = pytest.mark.asyncio(loop_scope="session")

ANSWER = json.dumps(
    {"choices": [{"logprobs": {"top_logprobs": [{" yes": -0.4, " no": -1.2}]}}], "usage": {"total_tokens": 9}}
).encode()
PANEL = ("personas.source=endpoint", "historical.logs=[]", "personas.people=[{name: Ada, about: likes coffee}]")


class Endpoint(ThreadingHTTPServer):
    """Answers every question alike, each after a while; counts them."""

    daemon_threads = True
    request_queue_size = 64  # all questions may come at once, and none is to be turned away
    seconds = 0.0

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.over = threading.Event()
        self.questions: list[str] = []

    @property
    def asked(self) -> int:
        return len(self.questions)


class Handler(BaseHTTPRequestHandler):
    server: Endpoint

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.server.questions.append(self.path)  # in one piece, whatever threads do at the same time
        self.server.over.wait(self.server.seconds)
        self.send_response(200)
        self.send_header("Content-Length", str(len(ANSWER)))
        self.end_headers()
        self.wfile.write(ANSWER)

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet."""


@pytest.fixture
def endpoint(local_runs: LocalRuns, monkeypatch: pytest.MonkeyPatch) -> Iterator[Endpoint]:
    """An endpoint of this test's, which the workers of this stack ask."""
    server = Endpoint()
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    there = local_runs.settings.model_copy(update={"llm_url": f"http://127.0.0.1:{server.server_address[1]}"})
    monkeypatch.setattr(LocalRuns, "settings", property(lambda _: there))
    yield server
    server.over.set()
    server.shutdown()
    server.server_close()


async def test_a_panel_that_takes_longer_than_a_heartbeat_is_rated_in_one_attempt(
    environment: WorkflowEnvironment, local_runs: LocalRuns, endpoint: Endpoint
) -> None:
    """An endpoint that thinks for seconds costs no attempt, and each question is asked once."""
    endpoint.seconds = 2.5  # of a heartbeat timeout of five, at a third of which the worker must have beaten
    slowly = local_runs.run_input("asked", *PANEL, "personas.model=slow", "personas.in_flight=26", agent="uniform")
    async with serving(environment.client, local_runs):
        result = await local_runs.train(environment.client, slowly, approve=False)
    assert result.outcome is Outcome.NOT_GRADUATED
    history = await environment.client.get_workflow_handle("asked").fetch_history()
    scheduled = {e.event_id: e.activity_task_scheduled_event_attributes.activity_type.name for e in history.events}
    attempts = [
        (started.attempt, started.HasField("last_failure"))
        for event in history.events
        if event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_STARTED
        and scheduled[(started := event.activity_task_started_event_attributes).scheduled_event_id] == "rate_panel"
    ]
    assert attempts == [(1, False)]
    assert endpoint.asked == 2 * 13  # two questions of twelve creatives and a neutral one


async def test_a_stop_ends_the_asking(
    environment: WorkflowEnvironment, local_runs: LocalRuns, endpoint: Endpoint
) -> None:
    """A person's stop does not wait for the rest of the panel, and the run ends stopped."""
    start = local_runs.run_input("hushed", *PANEL, "personas.model=slower", "personas.requests_per_second=0.5")
    async with serving(environment.client, local_runs):
        running = asyncio.create_task(local_runs.train(environment.client, start, approve=False))
        await until(lambda: endpoint.asked, "the endpoint is asked")
        await environment.client.get_workflow_handle("hushed").signal("stop")
        result = await running
    assert result.outcome is Outcome.STOPPED
    assert endpoint.asked < 2 * 13
