"""The import rules of docs/why.md, by an `ast` walk. Touch this only together with that page.

Every rule is a row below; `violations` applies them to one module's source, so that the self-tests can plant one.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator

import pytest

from tests.architecture.product import OURS, ROOT, modules, sources

PURE = ("gaelp.domain", "gaelp.messages", "gaelp.agents", "gaelp.market", "gaelp.evidence", "gaelp.personas")
REMOTE = "gaelp.agents.remote"
EDGES = (REMOTE, "gaelp.personas.endpoint", "gaelp.personas.rating_cache")  # they speak to a network

# Everyone may import these; gaelp.domain, gaelp.messages and workflows all but the arrays, because they know no numpy.
FOR_ALL = ("gaelp.errors", "gaelp.arrays", "gaelp.money")
NO_NUMPY = ("gaelp.domain", "gaelp.messages", "workflows")
RECORDS = ("gaelp.domain", "gaelp.messages")

# Package: what of ours it may import, besides itself and FOR_ALL. The longest matching prefix decides.
MAY_IMPORT: dict[str, tuple[str, ...]] = {
    "gaelp.errors": (),
    "gaelp.arrays": (),
    "gaelp.money": (),
    "gaelp.domain": (),
    "gaelp.messages": ("gaelp.domain",),
    "gaelp.agents": RECORDS,
    # Foreign agents over HTTP are the network's edge: not pure, and nothing else of gaelp.agents imports it.
    "gaelp.agents.remote": ("gaelp.agents.contract", "gaelp.domain"),
    # Every world checks an agent's decision before it acts on it.
    "gaelp.market": (
        *RECORDS,
        "gaelp.agents.contract",
        "gaelp.agents.decision_checks",
    ),
    "gaelp.evidence": RECORDS,
    "gaelp.ledger": RECORDS,
    # Settings say where a platform is and with which credentials; gaelp/platforms/adapters.py reads them.
    "gaelp.platforms": (*RECORDS, "gaelp.settings"),
    "gaelp.platforms.emulator": (*RECORDS, "gaelp.platforms", "gaelp.market", "gaelp.agents.contract"),
    # The emulator's own program puts its server together from the settings.
    "gaelp.platforms.emulator.__main__": ("gaelp.platforms.emulator", "gaelp.settings", "gaelp.confinement"),
    "gaelp.records": RECORDS,
    # Of the market only the record whose rates the ratings change.
    "gaelp.personas": (*RECORDS, "gaelp.market.parameters"),
    "gaelp.reports": (*RECORDS, "gaelp.evidence", "gaelp.records"),
    "gaelp.configuration": ("gaelp.domain", "gaelp.settings"),
    # Foreign agents and environments run in child processes; settings say what they may not read.
    "gaelp.confinement": ("gaelp.domain", "gaelp.agents", "gaelp.market", "gaelp.settings"),
    "gaelp.local_stack": ("gaelp.domain", "gaelp.settings", "gaelp.confinement"),
    "gaelp.settings": (),
    "gaelp.observability": ("gaelp.settings",),
    # The labels' values are the domain's own words.
    "gaelp.metrics": ("gaelp.domain",),
    "gaelp.forked_processes": (),
    "gaelp.traces": ("gaelp.settings",),
    "gaelp.temporal_connection": ("gaelp.settings", "gaelp.traces"),
    "gaelp.reaper_schedule": ("gaelp.domain",),
    "gaelp.workflow_sandbox": (),
    "gaelp.commands": ("gaelp", "workflows"),
    "gaelp.demos": ("gaelp", "workflows"),
    "activities": ("gaelp",),
    "workflows": (*RECORDS, "activities"),
    "starter": ("gaelp",),
    "worker": ("gaelp", "workflows", "activities"),
}
NEVER_IMPORT: dict[str, tuple[str, ...]] = {
    "gaelp.agents": (REMOTE,),
    "gaelp.agents.remote": (),
    "activities": ("gaelp.commands", "gaelp.local_stack", "gaelp.demos"),
    "gaelp.commands": ("activities",),
    "gaelp.demos": ("activities",),
    "workflows": ("numpy", "structlog", "scipy", "httpx", "redis", "google", "sqlalchemy", "random", "uuid"),
}
# Package: the only packages of others that it may import beside the standard library.
ONLY_THIRD_PARTY: dict[str, tuple[str, ...]] = {
    "gaelp.domain": ("pydantic", "pydantic_core"),
    "gaelp.messages": ("pydantic", "pydantic_core"),
    "gaelp.errors": (),
    "gaelp.money": ("iso4217",),
    "gaelp.arrays": ("numpy",),
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
    tree, wrong = ast.parse(source), []
    pure = any(_under(module, package) for package in PURE) and not any(_under(module, edge) for edge in EDGES)
    allowed, never = _longest(module, MAY_IMPORT), _longest(module, NEVER_IMPORT) or ()
    known = _longest(module, ONLY_THIRD_PARTY)
    own = max((package for package in MAY_IMPORT if _under(module, package)), key=len, default=module)
    for_all = tuple(n for n in FOR_ALL if n != "gaelp.arrays" or not any(_under(module, p) for p in NO_NUMPY))
    for name, typing_only in _imports(tree):
        if name.startswith("."):
            wrong.append(f"{module}: relative import {name}: write it in full")
        elif any(_under(name, ours) for ours in OURS):
            # `gaelp` itself is empty: importing it (for its place on disk) gives nothing away.
            permitted = name == "gaelp" or any(_under(name, package) for package in (*(allowed or ()), *for_all, own))
            if not permitted or any(_under(name, banned) for banned in never):
                wrong.append(f"{module} may not import {name}")
        elif known is not None and name.split(".")[0] not in (*sys.stdlib_module_names, *known):
            wrong.append(f"{module} may not import {name}")
        elif any(_under(name, banned) for banned in (*never, *PICKLES, *(IMPURE if pure else ()))):
            wrong.append(f"{module} may not import {name}")
        elif _under(module, "activities") and not typing_only and any(_under(name, client) for client in CLIENTS):
            wrong.append(f"{module} may import {name} under TYPE_CHECKING only")
    if pure or _under(module, "workflows"):
        wrong += [f"{module} may not use {use}" for use in (*_uses(tree), *_unseeded(tree))]
    calls = (node for node in ast.walk(tree) if isinstance(node, ast.Call))
    wrong += [f"{module} calls {ast.unparse(c.func)}" for c in calls if ast.unparse(c.func) in ("eval", "exec")]
    return wrong


def page_table(page: str) -> dict[str, set[str]]:
    """What docs/why.md allows: {package: packages}, from the rows of its first table."""
    rows = re.findall(r"^\| ((?:`[\w.]+`(?:, )?)+) \|[^|]*\| (.*?) \|$", page.split("\n\n## ")[0], re.MULTILINE)
    return {
        name: set(re.findall(r"`([\w.]+)`", allowed))
        for names, allowed in rows
        for name in re.findall(r"`([\w.]+)`", names)
    }


def test_every_import_and_call_keeps_the_rules() -> None:
    """No module of the product breaks the import directions, and no pure module reads a clock or global state."""
    wrong = [line for name, source in sources().items() for line in violations(name, source)]
    assert not wrong, "\n".join(wrong)


def test_every_package_has_a_rule() -> None:
    """A package without a row in the table would be free to import anything."""
    without = (*OURS, "gaelp.money")
    missing = [name for name in modules() if name not in without and _longest(name, MAY_IMPORT) is None]
    assert not missing


def test_the_page_says_what_the_table_says() -> None:
    """docs/why.md names for every package the packages that it may import, and no other packages."""
    assert page_table((ROOT / "docs/why.md").read_text()) == {name: set(row) for name, row in MAY_IMPORT.items()}


def test_a_planted_row_of_the_page_is_read() -> None:
    """The comparison with the page sees a changed row, a missing one, and one that allows nothing."""
    page = "| `gaelp.evidence` | measures | `gaelp.domain`, `gaelp.market` |\n| `gaelp.domain` | decides | nothing |\n"
    assert page_table(page) == {"gaelp.evidence": {"gaelp.domain", "gaelp.market"}, "gaelp.domain": set()}


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("gaelp.domain.gates.judging", "import gaelp.ledger.ledger"),
        ("gaelp.domain.gates.judging", "import numpy as np"),
        ("gaelp.domain.gates.judging", "from gaelp.arrays import F8"),
        ("gaelp.domain.gates.judging", "import sqlalchemy"),
        ("gaelp.messages.phase", "import yaml"),
        ("gaelp.money", "import numpy as np"),
        ("gaelp.errors", "from gaelp.domain.phases import Phase"),
        ("gaelp.agents.policies.bandit", "from gaelp import market"),
        ("gaelp.agents.policies.bandit", "def f():\n    from gaelp.market.auctions.aggregate_auctions import serve"),
        ("gaelp.market.auctions.aggregate_auctions", "from gaelp.agents.agent_entry_points import load_agent"),
        ("gaelp.market.auctions.aggregate_auctions", "from gaelp.agents import agent_entry_points"),
        ("gaelp.evidence.betting", "import temporalio"),
        ("gaelp.evidence.betting", "import datetime\nx = datetime.datetime.now()"),
        ("gaelp.domain.spending.creative_policy", "import os\nx = os.environ['A']"),
        ("gaelp.market.lags", "import numpy as np\nnp.random.seed(1)"),
        ("gaelp.market.lags", "import numpy as np\nr = np.random.default_rng()"),
        ("gaelp.market.lags", "import random"),
        ("gaelp.records.content_store", "import pickle"),
        ("gaelp.agents.remote.remote_agent", "from gaelp.records.content_store import ContentStore"),
        ("gaelp.agents.remote.remote_call", "from gaelp.settings import Settings"),
        ("gaelp.agents.policies.bandit", "from gaelp.agents.remote.remote_call import Caller"),
        ("gaelp.personas.rater", "import httpx"),
        ("gaelp.personas.prompt", "from gaelp.settings import Settings"),
        ("gaelp.personas.rating_cache", "from gaelp.records.events.redis_streams import connect"),
        ("gaelp.reports.report_page", "from gaelp.ledger.ledger import Ledger"),
        ("gaelp.commands.runs.start", "from activities.live.campaigns import Campaigns"),
        ("gaelp.demos.whole_run", "from activities.live.campaigns import Campaigns"),
        ("gaelp.platforms.google", "from gaelp.market import auctions"),
        ("workflows.campaign", "import numpy"),
        ("workflows.campaign", "from gaelp.arrays import F8"),
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
        ("gaelp.market.episodes.batch", "from gaelp.arrays import F8"),
        ("gaelp.domain.gates.judging", "from gaelp.errors import GaelpError\nfrom gaelp.money import money"),
        ("gaelp.market.streams", "import numpy as np\nr = np.random.Generator(np.random.Philox(key=1))"),
        ("gaelp.ledger.ledger", "from datetime import datetime, UTC\nx = datetime.now(UTC)"),
        ("workflows.run", "from gaelp.messages import training_run\nfrom activities.records.recording import Records"),
    ],
)
def test_what_is_allowed_is_not_reported(module: str, source: str) -> None:
    """The rules do not forbid what design allows."""
    assert not violations(module, source)
