"""A service that is not there, or that is there and says nothing: a sentence and exit code 1, within ten seconds."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from tests.support.giving_up import gives_up_soon
from tests.support.local_runs import LocalRuns
from tests.support.undisturbed_run import NAME, Undisturbed


@pytest.mark.parametrize(
    ("arguments", "variable", "address", "named"),
    [
        (("start", "--experiment-name", "unborn", "--set", "historical.logs=[]"), "TEMPORAL_ADDRESS", "", "Temporal"),
        (("status", NAME), "TEMPORAL_ADDRESS", "", "Temporal"),
        (("watch", NAME), "REDIS_URL", "redis://", "Redis"),
        (("stop", "--account", NAME), "EMULATOR_URL", "http://", "The platform emulator"),
    ],
    ids=["start-temporal", "status-temporal", "watch-redis", "stop-emulator"],
)
def test_a_service_that_is_not_there_is_named(
    local_runs: LocalRuns, undisturbed: Undisturbed, arguments: tuple[str, ...], variable: str, address: str, named: str
) -> None:
    """Nobody listens: the command names service, address and how to start it, and nothing is registered."""
    with _nobody() as port:
        _refuses(local_runs, arguments, variable, f"{address}127.0.0.1:{port}", named)
    with local_runs.ledger() as ledger:
        assert "unborn" not in {each.run for each in ledger.runs()}


def test_a_service_that_hangs_is_named(local_runs: LocalRuns, undisturbed: Undisturbed) -> None:
    """Somebody listens and never answers: the command gives up within the same time, with the same sentence."""
    with _deaf() as temporal, _deaf() as redis, ThreadPoolExecutor(2) as threads:
        status = (local_runs, ("status", NAME), "TEMPORAL_ADDRESS", f"127.0.0.1:{temporal}", "Temporal", 2)
        watch = (local_runs, ("watch", NAME), "REDIS_URL", f"redis://127.0.0.1:{redis}", "Redis", 2)
        for refused in [threads.submit(_refuses, *each) for each in (status, watch)]:
            refused.result()


def _refuses(
    local_runs: LocalRuns, arguments: tuple[str, ...], variable: str, address: str, named: str, commands: int = 1
) -> None:
    """`commands` are at work at the same time."""
    with gives_up_soon(commands):
        refused = local_runs.starter(*arguments, environment={f"GAELP_{variable}": address})
    assert refused.code == 1, refused.output
    sentences = refused.err.splitlines()
    assert len(sentences) == 1, refused.output
    assert all(word in sentences[0] for word in (named, address, "start it with")), refused.output


@contextmanager
def _nobody() -> Iterator[int]:
    """A port that is bound and not listened on: nobody else takes it, and a connection is refused."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        yield listener.getsockname()[1]


@contextmanager
def _deaf() -> Iterator[int]:
    """A port that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]
