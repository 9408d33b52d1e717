"""YAML that everybody reads alike: no aliases, and no plain text that YAML 1.1 and YAML 1.2 read differently.

PyYAML reads YAML 1.1, where 010 is 8, 1:30 is 90 and yes is true; most other readers follow YAML 1.2, where they are 10
and two texts. Such a value is refused by name. Aliases are refused because a few lines of them stand for gigabytes.
Touch this to read another form of a value.
"""

from __future__ import annotations

import re
from datetime import date

import yaml
from yaml.composer import ComposerError
from yaml.events import AliasEvent

_TAG = "tag:yaml.org,2002:"
# YAML 1.1 takes 1e-3 for text, which no number accepts: it is the number that YAML 1.2 and everybody means.
_EXPONENT = re.compile(r"[-+]?(?:0|[1-9][0-9]*)(?:\.[0-9]*)?[eE][-+]?[0-9]+\Z")
# Both readings of an instant that is written in full are one instant.
_INSTANT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]+)?(?:Z|[-+][0-9]{2}:[0-9]{2})?\Z"
)
_LETTERS_OF_1_1 = re.compile(r"[yYnN]\Z")  # booleans of YAML 1.1, though not PyYAML's
# The core schema of YAML 1.2.2, chapter 10.3.2.
_CORE_1_2 = (
    ("null", re.compile(r"(?:null|Null|NULL|~|)\Z")),
    ("bool", re.compile(r"(?:true|True|TRUE|false|False|FALSE)\Z")),
    ("int", re.compile(r"(?:[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+)\Z")),
    (
        "float",
        re.compile(
            r"(?:[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?"
            r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))\Z"
        ),
    ),
)


class OneReading(yaml.SafeLoader):
    """PyYAML's safe loader, where an alias is an error, 1e-3 a number, and an instant the text that it is."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - the name and the form are PyYAML's
        first: [(tag, form) for tag, form in forms if tag != f"{_TAG}timestamp"]
        for first, forms in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """The next node; refuses an alias before what it stands for is repeated."""
        if self.check_event(AliasEvent):
            alias: AliasEvent = self.peek_event()  # type: ignore[no-untyped-call]
            problem = f"the alias *{str(alias.anchor)[:60]} is not read: write out what it stands for"
            raise ComposerError(problem=problem, problem_mark=alias.start_mark)  # type: ignore[arg-type]
        node: yaml.Node | None = super().compose_node(parent, index)
        return node


OneReading.add_implicit_resolver(f"{_TAG}float", _EXPONENT, list("-+0123456789"))


def two_readings(node: yaml.Node) -> str:
    """Why the value of `node`, or one within it, could be read in two ways; empty where none can."""
    if isinstance(node, yaml.ScalarNode):
        return _two_readings(node)
    parts = node.value if isinstance(node, yaml.SequenceNode) else [part for pair in node.value for part in pair]
    return next((ambiguity for part in parts if (ambiguity := two_readings(part))), "")


def _two_readings(node: yaml.ScalarNode) -> str:
    text = node.value
    if node.style is not None or _EXPONENT.match(text) or _INSTANT.match(text) or _is_tagged_as_text(node):
        return ""
    try:
        older, newer = _in_yaml_1_1(text), _in_yaml_1_2(text)
    except ValueError as error:
        return f"has a value that cannot be read: {error}"
    if older == newer:
        return ""
    return (
        f"{text[:60]} has two readings, {older} in YAML 1.1 and {newer} in YAML 1.2: write the one that is meant "
        "(a number in plain decimals, true or false, an instant as 2026-01-05T00:00:00Z, text in quotes)"
    )


def _is_tagged_as_text(node: yaml.ScalarNode) -> bool:
    """Whether the text is marked with !!str, which all readers obey."""
    return bool(node.tag == f"{_TAG}str" != _resolved(OneReading(""), node.value))


def _in_yaml_1_1(text: str) -> str:
    """What PyYAML makes of a plain scalar, in words; ValueError where it is no such value after all."""
    if _LETTERS_OF_1_1.match(text):
        return "true" if text in "yY" else "false"
    loader = yaml.SafeLoader("")
    tag = _resolved(loader, text)
    try:
        value = loader.construct_object(yaml.ScalarNode(tag, text))
    except yaml.YAMLError:
        return f"a {tag.removeprefix(_TAG)}"
    return "a date" if isinstance(value, date) else _in_words(value)


def _resolved(loader: yaml.SafeLoader, text: str) -> str:
    """The tag that a loader gives to a plain scalar."""
    return str(loader.resolve(yaml.ScalarNode, text, (True, False)))  # type: ignore[no-untyped-call]


def _in_yaml_1_2(text: str) -> str:
    tag = next((name for name, form in _CORE_1_2 if form.match(text)), "str")
    if tag == "int":
        base = {"0o": 8, "0x": 16}.get(text[:2], 10)
        return _in_words(int(text[2:] if base != 10 else text, base))
    if tag == "null":
        return "nothing"
    if tag == "bool":
        return text.lower()
    return "the number" if tag == "float" else "the text"


def _in_words(value: object) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return "the number"
    return str(value) if isinstance(value, int) else "the text"
