"""The product from outside: its programs, Temporal's own command line, its ledger file, and the platform as a witness.

Nothing of the package is imported here, so that the same tests can be run on an older version of it, in `tree`. Touch
this when a test needs another program, or another way in which a platform misbehaves.
"""

from __future__ import annotations

import http.client
import json
import os
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

ROOT = Path(__file__).parents[2]
TOKEN = "local-emulator"
# Starts every service of a tree; the platform's address is the proxy's. Ends when its standard input does.
_HOST = """
import json, sys
from pathlib import Path
from gaelp.local_stack import LocalStack

home, platform = sys.argv[1:]
stack = LocalStack(Path(home), environment={"GAELP_EMULATOR_URL": platform})
stack.outlives_power_cuts = False
print(stack.ports.emulator, flush=True)
with stack:
    print(json.dumps(stack.environment()), flush=True)
    sys.stdin.read()
"""


@dataclass(frozen=True)
class Ended:
    """How a program ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Its one JSON document."""
        return json.loads(self.out)


@dataclass(frozen=True)
class Product:
    """One version of the product with its services running, and the platform between it and the emulator."""

    tree: Path
    python: Path
    environment: Mapping[str, str]
    platform: MisbehavingPlatform

    def starter(self, *arguments: str) -> Ended:
        """`python starter.py …`, whatever it answers."""
        return self._ran([str(self.python), str(self.tree / "starter.py"), *arguments])

    def done(self, *arguments: str) -> Ended:
        """The same; it must answer with exit code 0."""
        ended = self.starter(*arguments)
        assert ended.code == 0, f"{arguments}: {ended}"
        return ended

    def temporal(self, *arguments: str) -> Ended:
        """`temporal …`, as its own command line."""
        address = self.environment["GAELP_TEMPORAL_ADDRESS"]
        ended = self._ran([str(self.python.with_name("temporal")), *arguments, "--address", address])
        assert ended.code == 0, f"{arguments}: {ended}"
        return ended

    def _ran(self, command: list[str]) -> Ended:
        environment = {**os.environ, **self.environment}
        ran = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=180, check=False, stdin=subprocess.DEVNULL
        )
        return Ended(ran.returncode, ran.stdout, ran.stderr)

    # ------------------------------------------------------------ what became of it

    def billed(self, prefix: str) -> dict[str, tuple[bool, float]]:
        """Campaign -> whether it is enabled, and what the emulator itself has charged for it, in whole units."""
        found = {}
        for campaign in self.platform.emulator("GET", "/control/campaigns"):
            state = campaign["state"]
            if state["external_name"].startswith(prefix):
                found[state["external_name"]] = (state["enabled"], campaign["cost_micros"] / 1e6)
        return found

    def enabled(self, prefix: str) -> list[str]:
        """The campaigns that the emulator itself has enabled."""
        return sorted(name for name, (enabled, _) in self.billed(prefix).items() if enabled)

    def ledger(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        """Rows of the ledger's own file."""
        file = Path(self.environment["GAELP_HOME"]) / "ledger.db"
        with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True, timeout=10)) as database:
            return database.execute(query, values).fetchall()

    def described(self, workflow: str) -> dict[str, Any]:
        """A workflow as Temporal describes it."""
        document: dict[str, Any] = self.temporal("workflow", "describe", "-w", workflow, "-o", "json").json
        return document

    def is_open(self, workflow: str) -> bool:
        """Whether a workflow runs."""
        return str(self.described(workflow)["workflowExecutionInfo"]["status"]).endswith("RUNNING")


@contextmanager
def serving(home: Path, tree: Path = ROOT, python: Path | None = None) -> Iterator[Product]:
    """Every service of a tree, as children of a program of that tree."""
    python = python or Path(sys.executable)
    with MisbehavingPlatform() as platform:
        command = [str(python), "-c", _HOST, str(home), platform.url]
        host = subprocess.Popen(command, cwd=tree, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert host.stdin is not None and host.stdout is not None
        try:
            platform.behind = int(host.stdout.readline())
            environment = json.loads(host.stdout.readline())
            yield Product(tree, python, environment, platform)
        finally:
            host.stdin.close()
            host.wait(60)


class MisbehavingPlatform:
    """A proxy before the emulator: what it does to whom is said with `misbehave`, by account."""

    def __init__(self) -> None:
        self.behind = 0  # the emulator's port
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._rules: dict[str, tuple[str, float]] = {}
        self._was_enabled: set[tuple[str, str]] = set()
        self.late = threading.Event()  # set once a late call was carried out

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> MisbehavingPlatform:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def misbehave(self, account: str, how: str, seconds: float = 0.0) -> None:
        """From now on, for one account.

        `hide`: a campaign that was enabled is no longer found by its name. `slow`: every answer takes so long.
        `slow-reports`: every report does. `late-enable`: answered with 500, and carried out so much later.
        """
        self._rules[account] = (how, seconds)

    def emulator(self, method: str, path: str, body: Any = None) -> Any:
        """The emulator itself, as a witness: nothing is distorted."""
        content = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
        status, answer, _ = self._forward(method, path, content, headers)
        assert status < 300, answer
        return json.loads(answer) if answer else None

    # ------------------------------------------------------------ between the two

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        platform = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0))) or None
                status, content, kind = platform._answer(self.command, self.path, body, dict(self.headers))
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_PUT = do_POST = do_DELETE = answer

            def log_message(self, format: str, *arguments: Any) -> None:
                pass

        return Handler

    def _answer(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> tuple[int, bytes, str]:
        parts = urlsplit(path)
        words = parts.path.strip("/").split("/")
        account = words[1] if words[0] == "accounts" else ""
        how, seconds = self._rules.get(account, ("", 0.0))
        enables = words[-1] == "status" and json.loads(body or b"{}").get("enabled")
        if how == "slow" or (how == "slow-reports" and words[-1] == "report"):
            time.sleep(seconds)
        if how == "late-enable" and enables:
            later = threading.Timer(seconds, self._carry_out, (method, path, body, headers))
            later.daemon = True
            later.start()
            return 500, b'{"code": "INTERNAL", "message": "The platform failed."}', "application/json"
        status, content, kind = self._forward(method, path, body, headers)
        if enables and status < 300:
            self._was_enabled.add((account, words[3]))
        if how == "hide" and method == "GET" and "name" in parse_qs(parts.query):
            left = [c for c in json.loads(content) if (account, c["platform_id"]) not in self._was_enabled]
            content = json.dumps(left).encode()
        return status, content, kind

    def _carry_out(self, *call: Any) -> None:
        self._forward(*call)
        self.late.set()

    def _forward(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]
    ) -> tuple[int, bytes, str]:
        connection = http.client.HTTPConnection("127.0.0.1", self.behind, timeout=60)
        try:
            kept = {name: value for name, value in headers.items() if name.lower() in ("authorization", "content-type")}
            connection.request(method, path, body, kept)
            answer = connection.getresponse()
            return answer.status, answer.read(), answer.getheader("Content-Type", "application/json")
        finally:
            connection.close()


def becomes(condition: Callable[[], Any], seconds: float = 60.0, every: float = 0.05) -> Any:
    """What `condition` returns once that is true; where it never is, what it returned last."""
    deadline = time.monotonic() + seconds
    while not (value := condition()) and time.monotonic() < deadline:
        time.sleep(every)
    return value
