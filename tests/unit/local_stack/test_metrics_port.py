"""Where `make dev` has its workers serve metrics."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from gaelp.local_stack import LocalStack, StackError
from gaelp.local_stack.foreground import METRICS_PORT, addresses, metrics_port
from gaelp.local_stack.process import free_port, free_range
from gaelp.settings import Settings


def test_the_address_of_the_setting_is_taken_and_shown(tmp_path: Path) -> None:
    """The port of the setting, and a line that tells a person where to read."""
    settings = Settings(home=tmp_path, metrics_address="127.0.0.1:9555")
    assert metrics_port(settings) == 9555
    assert any("http://127.0.0.1:9555/metrics" in line for line in addresses(settings, tmp_path / "key.pem", 9555))


def test_another_machine_is_refused(tmp_path: Path) -> None:
    """Local services listen on this machine only; the refusal names the setting."""
    with pytest.raises(StackError, match="GAELP_METRICS_ADDRESS"):
        metrics_port(Settings(home=tmp_path, metrics_address="metrics.example:9464"))


def test_a_taken_port_is_passed_over() -> None:
    """Without a setting every worker gets a port that nobody has: the first of as many free ones in a row."""
    taken = free_port()
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", taken))
        holder.listen()
        first = free_range(taken - 1, 3)
        assert not first <= taken < first + 3
    assert METRICS_PORT == 9464


def test_each_worker_has_an_address_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An address in this process's environment is no worker's: two would take one port, and the second would end."""
    monkeypatch.setenv("GAELP_METRICS_ADDRESS", "127.0.0.1:9464")
    stack = LocalStack(tmp_path)
    assert stack._service("worker").environment["GAELP_METRICS_ADDRESS"] == ""
    stack.metrics_port = 9600
    served = {name: stack._service(name).environment["GAELP_METRICS_ADDRESS"] for name in ("worker", "compute")}
    assert served == {"worker": "127.0.0.1:9600", "compute": "127.0.0.1:9601"}
