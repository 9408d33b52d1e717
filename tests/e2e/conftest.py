"""End to end: the real dev server, real worker processes, starter.py as a user runs it.

One stack for all tests, started once; a test that breaks a service mends it. Touch this when the stack gains a service.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from temporalio.client import Client

from gaelp.commands import connections
from gaelp.local_stack import LocalStack
from gaelp.local_stack.process import free_port, free_range
from tests.support.black_box import Product, serving
from tests.support.local_runs import LocalRuns
from tests.support.undisturbed_run import Undisturbed, follow_readme


@pytest.fixture(scope="session")
def local_runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalRuns]:
    """Every service and both workers, an account and a key."""
    metrics = free_range(free_port(), 1 + (os.cpu_count() or 1))
    stack = LocalStack(tmp_path_factory.mktemp("local"))
    stack.metrics_port = metrics
    stack.outlives_power_cuts = False
    with stack:
        runs = LocalRuns(stack)
        runs.prepare()
        yield runs


@pytest.fixture(scope="session")
async def client(local_runs: LocalRuns) -> Client:
    """A client that outlives restarts of the server."""
    return await connections.temporal(local_runs.settings)


@pytest.fixture(scope="session")
async def undisturbed(local_runs: LocalRuns) -> Undisturbed:
    """One whole run, as the README tells a person to make it; what the others are compared with."""
    return await follow_readme(local_runs)


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """The product from outside, with services of its own behind a platform that can misbehave."""
    with serving(tmp_path_factory.mktemp("product")) as found:
        yield found
