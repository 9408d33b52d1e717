"""Emulators as real processes on loopback, and as objects in this process. Touch this to start one otherwise."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from safetensors import numpy as safetensors_numpy

from gaelp.platforms.emulator.campaign_store import Store
from gaelp.platforms.emulator.delivery import Delivery
from gaelp.platforms.emulator.service import Emulator
from tests.support.emulators import Server, free_port, market, wait_until_ready


@pytest.fixture(scope="session")
def launch() -> Iterator[Callable[..., Server]]:
    """Start an emulator on a file with options, ready to answer; all are ended at the end."""
    servers: list[Server] = []

    def start(db: Path, *options: str, seed: int = 3) -> Server:
        port = free_port()
        command = [sys.executable, "-m", "gaelp.platforms.emulator", "--port", str(port), "--db", str(db)]
        arguments = [*command, "--seed", str(seed), *options]
        server = Server(subprocess.Popen(arguments), f"http://127.0.0.1:{port}", arguments)
        servers.append(server)
        wait_until_ready(server)
        return server

    yield start
    for server in servers:
        server.process.terminate()
    for server in servers:
        server.process.wait(timeout=10)


@pytest.fixture(scope="session")
def server(launch: Callable[..., Server], tmp_path_factory: pytest.TempPathFactory) -> Server:
    """The emulator process that most tests share, each with an account of its own."""
    return launch(tmp_path_factory.mktemp("emulator") / "emulator.db")


@pytest.fixture
def in_process(tmp_path: Path) -> Iterator[Callable[..., Emulator]]:
    """Emulators without HTTP, each on a file of its own unless one is named."""
    stores: list[Store] = []

    def make(name: str = "", seed: int = 3, overdelivery: float = 2.0, lag: float = 3.0) -> Emulator:
        store = Store(tmp_path / (name or f"{len(stores)}.db"), seed)
        stores.append(store)
        emulator = Emulator(store, Delivery(seed, overdelivery), lag)
        emulator.put_world("acme", safetensors_numpy.save(market().to_arrays()))
        return emulator

    yield make
    for store in stores:
        store.close()
