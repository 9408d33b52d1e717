"""What a verb may not import: a person waits for every import, and each costs up to half a second."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.support.command_line import ROOT

SERVICES = {"temporalio", "sqlalchemy", "redis", "httpx", "google"}
ARRAYS = {"numpy", "scipy", "pyarrow", "duckdb", "gymnasium"}
PAGES = {"matplotlib", "jinja2", "fastapi", "starlette", "uvicorn", "webauthn", "OpenSSL"}
FOR_PEOPLE = {"rich", "iso4217", "structlog"}
CHECKED = {"pydantic", "asyncio"}
LOGGING = {"rich", "structlog"}
NOT_OF_SYNTAX = LOGGING | {"asyncio", "gaelp.market.parameters", "gaelp.messages.training_run"}
PROGRAM = """
import json, os, sys
sys.path.insert(0, os.environ["PLACE"])
import starter
starter.main(sys.argv[1:])
sys.__stderr__.write("\\nmodules " + json.dumps(sorted(sys.modules)))
sys.__stderr__.flush()
os._exit(0)  # as starter.py ends: Temporal's SDK may abort an ordinary exit
"""


@pytest.mark.parametrize(
    ("words", "unwanted"),
    [
        ("--help", SERVICES | ARRAYS | PAGES | FOR_PEOPLE | CHECKED | {"gaelp.configuration.loading"}),
        ("start --help", SERVICES | ARRAYS | PAGES | FOR_PEOPLE | CHECKED),
        ("nonsense", SERVICES | ARRAYS | PAGES | FOR_PEOPLE | CHECKED),
        ("validate --syntax-only", SERVICES | ARRAYS | PAGES | NOT_OF_SYNTAX),
        ("validate", PAGES | LOGGING | {"temporalio", "redis", "scipy", "duckdb", "pyarrow", "gymnasium", "asyncio"}),
        ("status first", ARRAYS | PAGES | {"redis", "httpx", "gaelp.configuration.loading", "gaelp.messages.phase"}),
        ("list", ARRAYS | PAGES | {"redis", "httpx", "gaelp.configuration.loading", "gaelp.messages.phase"}),
        ("report first", {"temporalio", "redis", "httpx", "scipy", "gymnasium", "google", "structlog"}),
        ("approve first", {"redis", "httpx", "google"} | ARRAYS | PAGES),
        ("keys list --account shop", {"temporalio", "redis", "httpx", "google"} | ARRAYS | PAGES),
        ("attempts", {"temporalio", "redis", "httpx", "google"} | ARRAYS | PAGES),
        ("accounts", {"temporalio", "redis", "httpx", "google"} | ARRAYS | PAGES),
    ],
)
def test_a_verb_imports_nothing_that_it_does_not_need(
    words: str, unwanted: set[str], no_services: Mapping[str, str], tmp_path: Path
) -> None:
    """A process of its own lists what it has imported when the verb has answered."""
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM, *words.split()], capture_output=True, text=True, timeout=120, cwd=tmp_path,
        env={**os.environ, **no_services, "PLACE": str(ROOT)}, check=False,
    )  # fmt: skip
    said, _, modules = ran.stderr.rpartition("\nmodules ")
    assert "Traceback" not in said and not unwanted & set(json.loads(modules))
