"""End to end: the real dev server, real worker processes, starter.py as a user runs it.

One stack for all tests, started once; a test that breaks a service mends it. Touch this when the stack gains a service.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from temporalio.client import Client

from gaelp.commands import connections
from gaelp.local_stack import LocalStack
from tests.support.local_runs import House
from tests.support.undisturbed_run import Undisturbed, follow_readme


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Every service and both workers, an account and a key."""
    with LocalStack(tmp_path_factory.mktemp("house")) as stack:
        found = House(stack)
        found.furnish()
        yield found


@pytest.fixture(scope="session")
async def client(house: House) -> Client:
    """A client that outlives restarts of the server."""
    return await connections.temporal(house.settings)


@pytest.fixture(scope="session")
async def undisturbed(house: House) -> Undisturbed:
    """One whole run, as the README tells a person to make it; what the others are compared with."""
    return await follow_readme(house)
