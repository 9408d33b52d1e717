"""The import rules of docs/why.md, by an `ast` walk. Touch this only together with that page.

Every rule is a row below; `violations` applies them to one module's source, so that the self-tests can plant one.
"""

from __future__ import annotations

import ast
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
OURS = ("gaelp", "workflows", "activities", "starter", "worker")
PURE = (
    "gaelp.domain",
    "gaelp.messages",
    "gaelp.agents",
    "gaelp.market",
    "gaelp.evidence",
    *(f"gaelp.personas.{module}" for module in ("panel", "prompt", "answers", "ratings", "rater", "permutation")),
)
REMOTE = "gaelp.agents.remote"
FORBIDDEN_NAMES = {"common", "utils", "util", "helpers", "core"}

# What everybody may import of ours. The domain knows no numpy, and so not arrays.
EVERYBODY = ("gaelp.arrays", "gaelp.errors", "gaelp.money")
# Package: what of ours it may import, besides itself. The longest matching prefix decides.
MAY_IMPORT: dict[str, tuple[str, ...]] = {
    "gaelp.arrays": (),
    "gaelp.domain": (),
    "gaelp.errors": (),
    "gaelp.messages": ("gaelp.domain",),
    "gaelp.agents": (
        "gaelp.domain",
        "gaelp.messages",
    ),
    "gaelp.evidence": (
        "gaelp.domain",
        "gaelp.messages",
    ),
    "gaelp.ledger": (
        "gaelp.domain",
        "gaelp.messages",
    ),
    # Settings say where a platform is; the registry reads them.
    "gaelp.platforms": ("gaelp.domain", "gaelp.messages", "gaelp.settings"),
    "gaelp.platforms.emulator": (
        "gaelp.domain",
        "gaelp.messages",
        "gaelp.platforms",
        "gaelp.market",
        "gaelp.agents.contract",
    ),
    "gaelp.platforms.emulator.__main__": ("gaelp.settings", "gaelp.platforms.emulator"),  # a composition root
    "gaelp.records": (
        "gaelp.domain",
        "gaelp.messages",
    ),
    # Of the registry only the checks that every world makes of an agent's answer.
    "gaelp.market": (
        "gaelp.domain",
        "gaelp.messages",
        "gaelp.agents.contract",
        "gaelp.agents.installed_agents.checked",
        "gaelp.agents.installed_agents.screened",
    ),
    # Foreign agents over HTTP: the network's edge, so it is not pure and nothing of gaelp.agents imports it.
    "gaelp.agents.remote": ("gaelp.agents.contract", "gaelp.domain.config"),
    "gaelp.personas": (
        "gaelp.domain",
        "gaelp.messages",
    ),
    "gaelp.personas.rating_cache": (
        "gaelp.domain",
        "gaelp.messages",
        "gaelp.personas",
        "gaelp.records.events.redis_streams",
    ),
    "gaelp.reports": ("gaelp.domain", "gaelp.messages", "gaelp.evidence", "gaelp.records"),
    "gaelp.commands": ("gaelp", "workflows"),
    "gaelp.settings": (),
    "gaelp.observability": ("gaelp.settings",),
    "gaelp.configuration": ("gaelp.domain", "gaelp.settings"),
    "gaelp.local_stack": ("gaelp.domain", "gaelp.settings"),
    "gaelp.demos": ("gaelp",),
    "workflows": ("gaelp.domain", "gaelp.messages", "activities"),
    "activities": ("gaelp",),
    "starter": ("gaelp",),
    "worker": ("gaelp", "workflows", "activities"),
}
NEVER_IMPORT: dict[str, tuple[str, ...]] = {
    "gaelp.agents": (REMOTE,),
    "gaelp.agents.remote": (),
    "activities": ("gaelp.commands", "gaelp.local_stack", "gaelp.demos"),
    "gaelp.commands": ("activities",),
    "workflows": (
        "numpy",
        "structlog",
        "scipy",
        "httpx",
        "redis",
        "google",
        "sqlalchemy",
        "random",
        "uuid",
        "gaelp.arrays",
    ),
    "gaelp.domain": ("numpy", "scipy", "yaml", "gaelp.arrays"),
    "gaelp.messages": ("numpy", "scipy", "yaml", "gaelp.arrays"),
}
IMPURE = (
    "temporalio",
    "httpx",
    "requests",
    "redis",
    "google",
    "sqlalchemy",
    "socket",
    "subprocess",
    "random",
    "secrets",
)
PICKLES = ("pickle", "cPickle", "dill", "cloudpickle", "shelve", "marshal")
CLIENTS = ("google", "httpx", "redis", "facebook_business")  # importing them costs 1.7 s: worker.py builds them
CLOCKS_AND_GLOBALS = {
    ("datetime", "now"),
    ("datetime", "utcnow"),
    ("datetime", "today"),
    ("date", "today"),
    ("time", "time"),
    ("time", "monotonic"),
    ("time", "sleep"),
    ("os", "environ"),
    ("os", "getenv"),
    ("uuid", "uuid4"),
}
# Of np.random these make or name generators; everything else there is global state.
GENERATORS = {"Generator", "Philox", "PCG64", "SFC64", "SeedSequence", "BitGenerator", "default_rng"}


def _under(module: str, package: str) -> bool:
    return module == package or module.startswith(package + ".")


def _longest(module: str, table: dict[str, tuple[str, ...]]) -> tuple[str, ...] | None:
    keys = [package for package in table if _under(module, package)]
    return table[max(keys, key=len)] if keys else None


def _imports(tree: ast.AST, typing_only: bool = False) -> Iterator[tuple[str, bool]]:
    """(name, under TYPE_CHECKING) of everything imported anywhere in a module."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, typing_only) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            if node.level:
                yield "." * node.level, typing_only
            elif (node.module or "").split(".")[0] in OURS:
                yield from ((f"{node.module}.{alias.name}", typing_only) for alias in node.names)
            else:
                yield node.module or "", typing_only
        elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            for child in node.body:
                yield from _imports(ast.Module([child], []), True)
            for child in node.orelse:
                yield from _imports(ast.Module([child], []), typing_only)
        else:
            yield from _imports(node, typing_only)


def _uses(tree: ast.AST) -> Iterator[str]:
    """Clocks, environment and global random state that a pure module mentions."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Attribute):
            continue
        owner = ast.unparse(node.value)
        if (owner.split(".")[-1], node.attr) in CLOCKS_AND_GLOBALS:
            yield f"{owner}.{node.attr}"
        if owner in ("np.random", "numpy.random") and node.attr not in GENERATORS:
            yield f"{owner}.{node.attr}"


def _unseeded(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("default_rng") and not node.args:
            yield "default_rng() without a seed"


def violations(module: str, source: str) -> list[str]:
    """What is wrong with the imports and calls of one module; empty where nothing is."""
    tree, found = ast.parse(source), []
    pure = any(_under(module, package) for package in PURE) and not _under(module, REMOTE)
    allowed, never = _longest(module, MAY_IMPORT), _longest(module, NEVER_IMPORT) or ()
    own = max((package for package in MAY_IMPORT if _under(module, package)), key=len, default=module)
    for name, typing_only in _imports(tree):
        if name.startswith("."):
            found.append(f"{module}: relative import {name}: write it in full")
        elif any(_under(name, ours) for ours in OURS):
            # `gaelp` itself is empty: importing it (for its place on disk) gives nothing away.
            permitted = name == "gaelp" or any(_under(name, package) for package in (*EVERYBODY, *(allowed or ()), own))
            if not permitted or any(_under(name, banned) for banned in never):
                found.append(f"{module} may not import {name}")
        elif any(_under(name, banned) for banned in (*never, *PICKLES, *(IMPURE if pure else ()))):
            found.append(f"{module} may not import {name}")
        elif _under(module, "activities") and not typing_only and any(_under(name, client) for client in CLIENTS):
            found.append(f"{module} may import {name} under TYPE_CHECKING only")
    if pure or _under(module, "workflows"):
        found += [f"{module} may not use {use}" for use in (*_uses(tree), *_unseeded(tree))]
    calls = (node for node in ast.walk(tree) if isinstance(node, ast.Call))
    found += [f"{module} calls {ast.unparse(c.func)}" for c in calls if ast.unparse(c.func) in ("eval", "exec")]
    return found


def modules() -> dict[str, Path]:
    """Every module of the product by its dotted name."""
    files = [file for folder in ("gaelp", "workflows", "activities") for file in (ROOT / folder).rglob("*.py")]
    files += [ROOT / name for name in ("starter.py", "worker.py") if (ROOT / name).exists()]
    named = {".".join(file.relative_to(ROOT).with_suffix("").parts): file for file in files}
    return {name.removesuffix(".__init__"): file for name, file in named.items()}


def test_every_import_and_call_keeps_the_rules() -> None:
    """No module of the product breaks the import directions, and no pure module reads a clock or global state."""
    found = [line for name, file in modules().items() for line in violations(name, file.read_text())]
    assert not found, "\n".join(found)


def test_every_package_has_a_rule() -> None:
    """A package without a row in the table would be free to import anything."""
    without = (*OURS, "gaelp.money")
    missing = [name for name in modules() if name not in without and _longest(name, MAY_IMPORT) is None]
    assert not missing


def test_no_name_hides_its_purpose_or_the_standard_library() -> None:
    """No folder or module is called common, utils, helpers or core, and no top level name shadows the stdlib."""
    for name in modules():
        parts = set(name.split("."))
        assert not parts & FORBIDDEN_NAMES, name
        assert name.split(".")[0] not in sys.stdlib_module_names, name


def test_no_absolute_import_is_shadowed_by_a_script_beside_it() -> None:
    """A module run as a script puts its folder first on the path: its neighbours are not named like the stdlib."""
    for name, file in modules().items():
        if (file.parent / "__main__.py").exists():
            assert file.stem in ("__init__", "__main__") or file.stem not in sys.stdlib_module_names, name


def test_every_folder_says_when_to_touch_it() -> None:
    """Each package's docstring (or, where it must be empty, each module's) says when one would touch it."""
    empty_on_purpose = {"gaelp", "workflows"}
    for name, file in modules().items():
        if file.name == "__init__.py" and name not in empty_on_purpose:
            docstring = ast.get_docstring(ast.parse(file.read_text())) or ""
            assert "touch" in docstring.lower(), f"{name} has no such docstring"
    for name in empty_on_purpose:
        assert not (ROOT / name / "__init__.py").read_text().strip(), f"{name}/__init__.py must stay empty"


def test_every_module_has_a_docstring() -> None:
    """A reader learns from the first line what a module is for."""
    silent = [
        n for n, f in modules().items() if f.read_text().strip() and not ast.get_docstring(ast.parse(f.read_text()))
    ]
    assert not silent


def test_no_file_names_the_shared_folder_or_this_machine() -> None:
    """The product does not know where it was made: no shared folder, no absolute path of a developer's machine."""
    for name, file in modules().items():
        text = file.read_text()
        assert "../shared" not in text and "/work/" not in text, name


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("gaelp.domain.gates.judging", "import gaelp.ledger.ledger"),
        ("gaelp.domain.gates.judging", "import numpy as np"),
        ("gaelp.errors", "from gaelp.domain.phases import Phase"),
        ("gaelp.agents.bandit", "from gaelp import market"),
        ("gaelp.agents.bandit", "def f():\n    from gaelp.market.auctions.aggregate_auctions import serve"),
        ("gaelp.market.auctions.aggregate_auctions", "from gaelp.agents.installed_agents import load_agent"),
        ("gaelp.market.auctions.aggregate_auctions", "from gaelp.agents import registry"),
        ("gaelp.evidence.betting", "import temporalio"),
        ("gaelp.evidence.betting", "import datetime\nx = datetime.datetime.now()"),
        ("gaelp.domain.spending.creative_policy", "import os\nx = os.environ['A']"),
        ("gaelp.market.lags", "import numpy as np\nnp.random.seed(1)"),
        ("gaelp.market.lags", "import numpy as np\nr = np.random.default_rng()"),
        ("gaelp.market.lags", "import random"),
        ("gaelp.records.content_store", "import pickle"),
        ("gaelp.agents.remote.remote_agent", "from gaelp.records.content_store import ContentStore"),
        ("gaelp.agents.remote.remote_call", "from gaelp.settings import Settings"),
        ("gaelp.agents.bandit", "from gaelp.agents.remote.remote_call import Caller"),
        ("gaelp.personas.rater", "import httpx"),
        ("gaelp.personas.prompt", "from gaelp.settings import Settings"),
        ("gaelp.reports.report_page", "from gaelp.ledger.ledger import Ledger"),
        ("gaelp.commands.runs.start", "from activities.live.campaigns import Campaigns"),
        ("gaelp.platforms.google", "from gaelp.market import auctions"),
        ("workflows.campaign", "import numpy"),
        ("workflows.campaign", "import structlog"),
        ("workflows.campaign", "from gaelp.ledger.ledger import Ledger"),
        ("workflows.campaign", "from datetime import datetime\nx = datetime.now()"),
        ("activities.records.recording", "import httpx"),
        ("activities.records.recording", "from google.cloud import bigquery"),
        ("activities.records.recording", "from gaelp.commands import start"),
        ("activities.records.recording", "from gaelp import commands"),
        ("gaelp.ledger.rows", "from .ledger import Ledger"),
        ("gaelp.ledger.rows", "eval('1')"),
    ],
)
def test_a_planted_violation_is_found(module: str, source: str) -> None:
    """Each rule catches the mistake it was written for."""
    assert violations(module, source)


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("gaelp.platforms.emulator.hidden_world", "from gaelp.market.auctions.aggregate_auctions import serve"),
        ("activities.records.recording", "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import httpx"),
        ("gaelp.market.episodes.batch", "from gaelp.agents import contract"),
        ("gaelp.domain.ids", "from gaelp.errors import GaelpError"),
        ("gaelp.market.streams", "import numpy as np\nr = np.random.Generator(np.random.Philox(key=1))"),
        ("gaelp.ledger.ledger", "from datetime import datetime, UTC\nx = datetime.now(UTC)"),
        ("workflows.run", "from gaelp.messages import training_run\nfrom activities.records.recording import Records"),
    ],
)
def test_what_is_allowed_is_not_reported(module: str, source: str) -> None:
    """The rules do not forbid what design allows."""
    assert not violations(module, source)


def test_a_test_that_leaves_loopback_is_caught(escapes: list[str], left_loopback: type[BaseException]) -> None:
    """Connecting to another machine or asking for its name raises, and is remembered even if swallowed."""
    with socket.socket() as outside, pytest.raises(left_loopback):
        outside.connect(("192.0.2.1", 80))
    with pytest.raises(left_loopback):
        socket.getaddrinfo("ads.example.com", 443)
    assert len(escapes) == 2
    escapes.clear()
