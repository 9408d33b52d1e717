"""Reads settings with the place each came from: YAML files, GAELP_ variables, --set. Touch this to add a source.

Values have the types that YAML gives them, everywhere. Nothing is checked here but that a key exists and is given
once; what a value may be is the model's to say (gaelp/configuration/loading.py).
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from gaelp.configuration.kubernetes_variables import is_of_kubernetes
from gaelp.configuration.yaml_readings import OneReading, two_readings
from gaelp.domain.config import older_form
from gaelp.domain.config.configuration import TrainingConfiguration

LEAVES: frozenset[str] = frozenset(".".join(path) for path in older_form.paths(TrainingConfiguration))
SECTIONS: frozenset[str] = frozenset(path.rsplit(".", 1)[0] for path in LEAVES if "." in path)
MOST_BYTES = 1_000_000
MOST_PROBLEMS = 100  # of one source: a file that is no configuration must not print itself
LONGEST_PLACE, LONGEST_MESSAGE = 200, 2000  # characters that a person is shown of what was given
PREFIX = "GAELP_"


@dataclass(frozen=True)
class Problem:
    """One error: the setting it is about, one sentence, and where that setting was given; each of a bounded length."""

    path: str
    message: str
    source: str

    def __post_init__(self) -> None:
        for name, most in (("path", LONGEST_PLACE), ("message", LONGEST_MESSAGE), ("source", LONGEST_PLACE)):
            object.__setattr__(self, name, _shortened(getattr(self, name), most))

    def __str__(self) -> str:
        return f"{self.path or 'configuration'}: {self.message} ({self.source})"


@dataclass(frozen=True)
class Setting:
    """A value as it was given."""

    path: str
    value: Any
    source: str


@dataclass
class Layer:
    """The settings of one source, and what is wrong with it."""

    settings: list[Setting] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    def refuse(self, path: str, message: str, source: str) -> None:
        """Add an error; from MOST_PROBLEMS on, only that there are more."""
        if len(self.problems) < MOST_PROBLEMS:
            self.problems.append(Problem(path, message, source))
        elif len(self.problems) == MOST_PROBLEMS:
            self.problems.append(Problem("", "there are more errors than these: mend these first", source))


def read_file(path: Path) -> Layer:
    """A YAML file; sources are FILE:LINE. Of a larger file than a configuration is, nothing more is read."""
    layer = Layer()
    try:
        with path.open("rb") as file:
            raw = file.read(MOST_BYTES + 1)
        text = raw[:MOST_BYTES].decode("utf-8")
    except OSError as error:
        layer.refuse("", f"cannot be read: {error.strerror or error}", str(path))
    except UnicodeDecodeError as error:
        layer.refuse("", f"is not UTF-8 text (byte {error.start}): save it as UTF-8", str(path))
    else:
        if len(raw) > MOST_BYTES:
            layer.refuse("", f"is larger than {MOST_BYTES:,} bytes: no configuration is", str(path))
        else:
            _read(text, "", lambda node: f"{path}:{node.start_mark.line + 1}", str(path), layer)
    return layer


def read_environment(environment: Mapping[str, str], ignored: Iterable[str]) -> Layer:
    """GAELP_SECTION__FIELD variables; `ignored` are names without the prefix that mean something else.

    What Kubernetes injects beside a service whose name begins with gaelp is passed over.
    """
    layer = Layer()
    others = {name.upper() for name in ignored}
    for name, text in sorted(environment.items()):
        bare = name.upper().removeprefix(PREFIX)
        if bare == name.upper() or bare in others or is_of_kubernetes(bare, text):
            continue
        path = bare.lower().replace("__", ".")
        source = f"environment variable {name}"
        if path not in LEAVES and path not in SECTIONS:
            near = _nearest(path, spelled=_variable, others=[PREFIX + other for other in sorted(others)])
            layer.refuse(path, f"unknown variable {name}{near}", source)
        else:
            _read(text, path, lambda _, source=source: source, source, layer)  # type: ignore[misc]
    return layer


def read_overrides(overrides: Iterable[str]) -> Layer:
    """--set a.b=c, later ones winning."""
    layer = Layer()
    for override in overrides:
        path, equals, text = override.partition("=")
        path, source = path.strip(), f"--set {override}"
        if not equals or not path:
            layer.refuse(path, "is not of the form a.b=c, for example --set simulation.rounds=3", source)
        elif path not in LEAVES and path not in SECTIONS:
            layer.refuse(path, f"unknown key{_nearest(path)}", source)
        else:
            _read(text, path, lambda _, source=source: source, source, layer)  # type: ignore[misc]
    return layer


def _read(text: str, path: str, where: Callable[[yaml.Node], str], source: str, layer: Layer) -> None:
    try:
        if len(text) > MOST_BYTES:
            raise yaml.YAMLError(f"it is longer than {MOST_BYTES:,} characters")
        loader = OneReading(text)
        node = loader.get_single_node()
        if node is not None:
            _walk(loader, node, path, where, layer)
        elif path:
            layer.settings.append(Setting(path, None, source))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f" in line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        reason = ", ".join(part for part in (error.context, error.problem) if part)
        layer.refuse(path, f"is not YAML{line}: {reason}", source)
    except yaml.YAMLError as error:
        layer.refuse(path, f"is not YAML: {' '.join(str(error).split())}", source)
    except RecursionError:
        layer.refuse(path, "is nested too deeply", source)


def _walk(loader: OneReading, node: yaml.Node, path: str, where: Callable[[yaml.Node], str], layer: Layer) -> None:
    if path in LEAVES:
        _leaf(loader, node, path, where(node), layer)
    elif isinstance(node, yaml.MappingNode):
        _section(loader, node, path, where, layer)
    elif node.tag != "tag:yaml.org,2002:null":
        known = ", ".join(sorted(leaf.removeprefix(f"{path}.") for leaf in LEAVES if leaf.startswith(f"{path}.")))
        what = f"is a section: give its keys ({known})" if path else "must be a mapping of keys to values"
        layer.refuse(path, what, where(node))


def _section(
    loader: OneReading, node: yaml.MappingNode, path: str, where: Callable[[yaml.Node], str], layer: Layer
) -> None:
    places: dict[str, str] = {}
    for key, value in node.value:
        if len(layer.problems) > MOST_PROBLEMS:
            return
        name = key.value if isinstance(key, yaml.ScalarNode) else "(a key that is not text)"
        child = f"{path}.{name}" if path else name
        if child in places:
            layer.refuse(child, f"is given twice, first at {places[child]}: remove one", where(key))
            continue
        places[child] = where(key)
        if child in LEAVES or child in SECTIONS:
            _walk(loader, value, child, where, layer)
        else:
            layer.refuse(child, f"unknown key{_nearest(child)}", where(key))


def _leaf(loader: OneReading, node: yaml.Node, path: str, source: str, layer: Layer) -> None:
    try:
        if ambiguity := two_readings(node):
            layer.refuse(path, ambiguity, source)
        else:
            layer.settings.append(Setting(path, loader.construct_object(node, deep=True), source))
    except (yaml.YAMLError, ValueError, TypeError) as error:
        detail = getattr(error, "problem", None) or str(error)
        layer.refuse(path, f"has a value that cannot be read: {detail}", source)


def _shortened(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[:most]}..."


def _variable(path: str) -> str:
    return PREFIX + path.upper().replace(".", "__")


def _nearest(path: str, spelled: Callable[[str], str] = str, others: Iterable[str] = ()) -> str:
    """What the user may have meant, as the end of a sentence; nothing like it where the key is longer than any."""
    if len(path) > LONGEST_PLACE:
        return ""
    flat = older_form.keys(TrainingConfiguration)
    name = path.rsplit(".", 1)[-1]
    if path in older_form.RETIRED:
        return f": {older_form.RETIRED[path]}"
    if path in flat:
        return f": {spelled('.'.join(flat[path]))} is its name now"
    same = sorted(leaf for leaf in LEAVES if leaf.rsplit(".", 1)[-1] == name)
    names = {spelled(known): known for known in sorted(LEAVES | SECTIONS)} | {other: other for other in others}
    near = [spelled(leaf) for leaf in same] or difflib.get_close_matches(spelled(path), names, n=1, cutoff=0.6)
    if not near:
        ends = {leaf.rsplit(".", 1)[-1]: leaf for leaf in sorted(LEAVES)}
        near = [spelled(ends[end]) for end in difflib.get_close_matches(name, ends, n=1, cutoff=0.7)]
    return f": did you mean {' or '.join(near)}?" if near else ""
