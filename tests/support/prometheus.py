"""A real Prometheus that reads the metrics of real workers. `make test` fetches the programs (Makefile)."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode
from urllib.request import urlopen

import pytest
import yaml

from gaelp.local_stack.process import free_port
from tests.support.black_box import becomes

STARTING = 503  # what a server says that is not ready yet
RULES = Path(__file__).resolve().parents[2] / "deploy" / "prometheus"


def program(name: str) -> str:
    """Where `prometheus` or `promtool` is; skips the test where neither Debian's archive nor the machine has it."""
    fetched = Path(sys.executable).parents[1] / "prometheus" / "usr" / "bin" / name
    found = str(fetched) if fetched.exists() else shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not on this machine: `make .venv/prometheus` fetches it where apt-get can")
    return found


class Prometheus:
    """Asks one server."""

    def __init__(self, port: int) -> None:
        self._url = f"http://127.0.0.1:{port}"

    def ask(self, path: str, **parameters: str) -> Any:
        """The data of one answer; None where nobody answers yet. Raises AssertionError for a refusal."""
        try:
            with urlopen(f"{self._url}/api/v1/{path}?{urlencode(parameters)}", timeout=10) as answer:  # noqa: S310
                return json.load(answer)["data"]
        except HTTPError as error:
            if error.code == STARTING:
                return None
            raise AssertionError(f"{path} {parameters}: {error.read().decode()}") from error
        except URLError:
            return None

    def query(self, expression: str) -> list[dict[str, Any]]:
        """The series that an expression gives now."""
        answer = self.ask("query", query=expression)
        return answer["result"] if answer else []

    def value(self, expression: str) -> float:
        """The one value of an expression; NaN where it gives nothing."""
        series = self.query(expression)
        return float(series[0]["value"][1]) if series else float("nan")


@contextmanager
def reading(ports: Sequence[int], folder: Path) -> Iterator[Prometheus]:
    """A server that reads those ports of this machine every second, with our rules."""
    port = free_port()
    targets = [f"127.0.0.1:{each}" for each in ports]
    quick = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    jobs = [{"job_name": "gaelp", "static_configs": [{"targets": targets}]}]
    written = {"global": quick, "rule_files": [str(RULES / "gaelp.rules.yml")], "scrape_configs": jobs}
    (folder / "prometheus.yml").write_text(yaml.safe_dump(written))
    flags = [f"--config.file={folder / 'prometheus.yml'}", f"--storage.tsdb.path={folder / 'data'}"]
    command = [program("prometheus"), *flags, f"--web.listen-address=127.0.0.1:{port}", "--log.level=error"]
    server = subprocess.Popen(command)
    try:
        asked = Prometheus(port)
        assert becomes(lambda: len(asked.query("up == 1")) == len(ports), 30), "not every worker is read"
        yield asked
    finally:
        server.kill()
        server.wait()
