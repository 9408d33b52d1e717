"""What Kubernetes injects beside a service named gaelp-… is passed over; a misspelled setting is not."""

from __future__ import annotations

import pytest

from gaelp.configuration.loading import load, profile
from tests.support.configurations import only, refused

INJECTED = {
    "GAELP_WORKER_SERVICE_HOST": "10.0.0.11",
    "GAELP_WORKER_SERVICE_PORT": "443",
    "GAELP_WORKER_SERVICE_PORT_HTTP_METRICS": "9090",
    "GAELP_WORKER_PORT": "tcp://10.0.0.11:443",
    "GAELP_WORKER_PORT_443_TCP": "tcp://10.0.0.11:443",
    "GAELP_WORKER_PORT_443_TCP_PROTO": "tcp",
    "GAELP_WORKER_PORT_443_TCP_PORT": "443",
    "GAELP_WORKER_PORT_443_TCP_ADDR": "10.0.0.11",
    "GAELP_DNS_PORT_53_UDP_ADDR": "fd00::1",
    "GAELP_DNS_PORT": "udp://[fd00::1]:53",
    "GAELP_HEADLESS_SERVICE_HOST": "None",
    "GAELP_SERVICE_HOST": "10.0.0.12",
    "GAELP_PORT": "tcp://10.0.0.12:80",
    "GAELP_PORT_80_TCP": "tcp://10.0.0.12:80",
}


def test_what_kubernetes_injects_changes_nothing() -> None:
    """Every variable of a service named gaelp or gaelp-…: address, ports, named ports, and Docker's links."""
    assert load("quick-test", environment=INJECTED) == profile("quick-test")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("GAELP_WORKER_PORT", "8080"),
        ("GAELP_WORKER_PORT", "https://10.0.0.11:443"),
        ("GAELP_WORKER_SERVICE_HOST", "my host"),
        ("GAELP_WORKER_PORT_443_TCP_ADR", "10.0.0.11"),
        ("GAELP_SIMULATION_ROUNDS", "3"),
        ("GAELP_WORKER_SERVICE_PORT", "tcp"),
    ],
)
def test_what_kubernetes_would_not_write_is_refused(name: str, value: str) -> None:
    """A name or a value of another form is a variable that somebody meant to be read."""
    assert f"unknown variable {name}" in only(refused("quick-test", {name: value})).message
