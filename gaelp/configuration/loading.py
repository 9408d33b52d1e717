"""Loads the training configuration: profile < file < environment < --set. Touch this when its precedence changes.

What may be set is in gaelp/domain/config, beside the combinations that are impossible (contradictions.py) and the flat
form of older callers (older_form.py); the keys are listed in docs/configuration.md.
"""

from __future__ import annotations

import difflib
import hashlib
import json
import math
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError, create_model

import gaelp
from gaelp.configuration.model_errors import described
from gaelp.configuration.sources import (
    LEAVES,
    LONGEST_PLACE,
    Layer,
    Problem,
    Setting,
    read_environment,
    read_file,
    read_overrides,
)
from gaelp.domain.config.configuration import TrainingConfiguration
from gaelp.domain.config.contradiction import Contradiction
from gaelp.domain.config.contradictions import contradictions
from gaelp.domain.config.registered_worlds import VARIANTS, applied
from gaelp.domain.config.section import Section
from gaelp.errors import WRONG_USE, GaelpError
from gaelp.settings import Settings

PROFILES: tuple[str, ...] = ("quick-test", "development", "staging", "production")
PROFILES_FOLDER = Path(gaelp.__path__[0]).parent / "config"

QUICK_TEST_CONFIG: TrainingConfiguration
DEVELOPMENT_CONFIG: TrainingConfiguration
STAGING_CONFIG: TrainingConfiguration
PRODUCTION_CONFIG: TrainingConfiguration

# The same fields without the flat form, which a file may not use, and whose validator would hide that this is JSON.
_Strict = create_model(  # type: ignore[call-overload]
    "_Strict",
    __base__=Section,
    **{name: (field.annotation, field) for name, field in TrainingConfiguration.model_fields.items()},
)


class ConfigurationErrors(GaelpError, ValueError):
    """Everything that is wrong with a configuration, at once.

    `problems` has path, message and source of each; `errors` is the same as (path, message) pairs.
    """

    exit_code = WRONG_USE

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        self.errors = [(problem.path, f"{problem.message} ({problem.source})") for problem in self.problems]
        count = len(self.problems)
        lines = "\n".join(f"  {problem}" for problem in self.problems)
        super().__init__(f"{count} error{'s' * (count != 1)} in the configuration:\n{lines}")

    def detail(self) -> dict[str, object]:
        fields = ("path", "message", "source")
        return {"errors": [{name: getattr(problem, name) for name in fields} for problem in self.problems]}


Rule = Callable[[TrainingConfiguration], Iterable[Contradiction]]


def no_rule(_: TrainingConfiguration) -> Iterable[Contradiction]:
    """Refuses nothing."""
    return ()


@dataclass(frozen=True)
class Origin:
    """Where an effective value came from: `source` is profile, file, environment, --set, world or default."""

    source: str
    place: str = ""  # file and line, variable or argument; a world's Gymnasium id


@dataclass(frozen=True)
class Loaded:
    """A configuration, and the origin of every setting's value by its path."""

    config: TrainingConfiguration
    origins: Mapping[str, Origin]

    def refuse(self, found: Iterable[Contradiction]) -> None:
        """Raise ConfigurationErrors for what was found against it, if anything was."""
        problems = [Problem(each.paths[0], each.message, self._place(each.paths)) for each in found]
        if problems:
            raise ConfigurationErrors(problems)

    def _place(self, paths: Iterable[str]) -> str:
        known = [self.origins[path].place for path in paths if path in self.origins]
        return next((place for place in known if place), "the defaults" if known else "the command line")


def load(
    profile_or_file: str | Path, *, environment: Mapping[str, str], overrides: Sequence[str] = (), also: Rule = no_rule
) -> TrainingConfiguration:
    """The configuration that `load_with_origins` reads."""
    return load_with_origins(profile_or_file, environment=environment, overrides=overrides, also=also).config


def load_with_origins(
    profile_or_file: str | Path, *, environment: Mapping[str, str], overrides: Sequence[str] = (), also: Rule = no_rule
) -> Loaded:
    """The configuration of a profile, or of a YAML file on top of the profile that it names with `profile:`.

    A file that names none stands on quick-test. `environment` holds GAELP_ variables (nested with __), `overrides`
    are `a.b=c`; both are read as YAML. `also` refuses what depends on this machine, such as agents that are not
    installed. Raises ConfigurationErrors with every error.
    """
    base, file = _base(profile_or_file)
    layers = {
        "profile": read_file(PROFILES_FOLDER / f"{base}.yaml"),
        "file": file,
        "environment": read_environment(environment, Settings.model_fields),
        "--set": read_overrides(overrides),
    }
    problems = [problem for layer in layers.values() for problem in layer.problems]
    problems += [_other_profile(setting, base) for setting in _renames(layers.values(), base)]
    settings = {setting.path: setting for layer in layers.values() for setting in layer.settings}
    config = _validated({path: s for path, s in settings.items() if path != "profile"}, base, problems, also)
    if config is None or problems:
        raise ConfigurationErrors(problems)
    return Loaded(config, _origins(config, layers))


def made_in_python(config: TrainingConfiguration) -> Loaded:
    """A configuration that no source was read for. Raises ConfigurationErrors for an impossible combination."""
    loaded = Loaded(config, dict.fromkeys(LEAVES, Origin("python", "the configuration given")))
    loaded.refuse(contradictions(config))
    return loaded


def _origins(config: TrainingConfiguration, layers: Mapping[str, Layer]) -> dict[str, Origin]:
    world = VARIANTS[config.environment].market if config.environment in VARIANTS else {}
    origins = dict.fromkeys(sorted(LEAVES), Origin("default"))
    origins |= {f"market.{name}": Origin("world", config.environment) for name in world}
    return origins | {s.path: Origin(name, s.source) for name, layer in layers.items() for s in layer.settings}


def check(config: TrainingConfiguration) -> None:
    """Refuse the impossible combinations of a configuration made in Python. Raises ConfigurationErrors."""
    made_in_python(config)


def digest(config: TrainingConfiguration) -> str:
    """SHA-256 (hex) of the canonical JSON: sorted keys, money with two to four decimals, instants in UTC."""
    text = json.dumps(canonical(config), sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def canonical(config: TrainingConfiguration) -> dict[str, Any]:
    """The configuration as a document: put into the content store, it is named by `digest`."""
    document: dict[str, Any] = _canonical(config)
    return document


def to_legacy_config(config: TrainingConfiguration) -> dict[str, Any]:
    """The flat form of older callers (docs/configuration.md lists its keys)."""
    return config.to_legacy_config()


def from_legacy_config(flat: Mapping[str, Any]) -> TrainingConfiguration:
    """The configuration of a flat form. Raises ConfigurationErrors; retired keys are refused with what to do."""
    try:
        config = TrainingConfiguration.from_legacy_config(dict(flat))
    except ValidationError as error:
        problems = [Problem(path, message, "the flat form") for path, message in described(error)]
        raise ConfigurationErrors(problems) from None
    check(config)
    return config


def profile(name: str) -> TrainingConfiguration:
    """A profile as it ships, untouched by the environment."""
    return load(name, environment={})


def __getattr__(name: str) -> TrainingConfiguration:
    """QUICK_TEST_CONFIG and its like, read when first asked for: importing this module reads no file."""
    shipped = {f"{key.upper().replace('-', '_')}_CONFIG": key for key in PROFILES}
    if name not in shipped:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    config = globals()[name] = profile(shipped[name])
    return config


def _base(profile_or_file: str | Path) -> tuple[str, Layer]:
    """The profile to stand on, and the layer of the user's file (empty for a profile)."""
    name = str(profile_or_file)
    if name in PROFILES:
        return name, Layer()
    path = Path(profile_or_file)
    if not os.path.isfile(path):  # unlike Path.is_file, also where the name is too long for any file
        near = difflib.get_close_matches(name[:LONGEST_PLACE], PROFILES, n=1)
        meant = f": did you mean {near[0]}?" if near else f": give a file, or one of {', '.join(PROFILES)}"
        raise ConfigurationErrors(
            [Problem("", f"there is no profile or file {name[:LONGEST_PLACE]!r}{meant}", f"--config {name}")]
        )
    layer = read_file(path)
    named = [setting for setting in layer.settings if setting.path == "profile"]
    if not named:
        return PROFILES[0], layer
    if named[0].value not in PROFILES:
        message = f"must be one of {', '.join(PROFILES)}, got {named[0].value!r}"
        raise ConfigurationErrors([*layer.problems, Problem("profile", message, named[0].source)])
    return str(named[0].value), layer


def _renames(layers: Iterable[Layer], base: str) -> Iterator[Setting]:
    """Settings that name another profile than the one whose values are used; a profile's name stands for its values."""
    for layer in layers:
        yield from (s for s in layer.settings if s.path == "profile" and s.value != base)


def _other_profile(setting: Setting, base: str) -> Problem:
    remedy = "choose it with --config, or with `profile:` in your file"
    return Problem("profile", f"is {base} and cannot become {setting.value!r} here: {remedy}", setting.source)


def _validated(
    settings: dict[str, Setting], base: str, problems: list[Problem], also: Rule
) -> TrainingConfiguration | None:
    """The model of `settings`; what is wrong is added to `problems`, impossible combinations included."""
    wrong = set()
    for path, setting in settings.items():
        if _infinite(setting.value):
            wrong.add(path)
            problems.append(Problem(path, f"must be a finite number, got {setting.value!r}", setting.source))
    config, errors = _modelled(settings, base, wrong)
    for path, message in errors:
        leaf = path if path in settings else path.rsplit(".", 1)[0]
        wrong.add(leaf)
        problems.append(Problem(path, message, settings[leaf].source if leaf in settings else "the profile"))
    if config is None:  # what is left still shows the combinations that cannot be
        config, _ = _modelled(settings, base, wrong)
    for each in (*contradictions(config), *also(config)) if config else ():
        if not wrong.intersection(each.paths):
            source = next((settings[path].source for path in each.paths if path in settings), "the defaults")
            problems.append(Problem(each.paths[0], each.message, source))
    return config


def _modelled(
    settings: Mapping[str, Setting], base: str, without: Iterable[str]
) -> tuple[TrainingConfiguration | None, list[tuple[str, str]]]:
    tree: dict[str, Any] = {"profile": base}
    for path, setting in settings.items():
        if path not in without:
            *section, field = path.split(".")
            (tree.setdefault(section[0], {}) if section else tree)[field] = setting.value
    try:
        # Through JSON and strict: YAML's types stand as they are, so that true is no 1 and "6" no 6.
        strict = _Strict.model_validate_json(json.dumps(tree, default=_text), strict=True)
    except ValidationError as error:
        return None, described(error)
    return applied(TrainingConfiguration(**{name: getattr(strict, name) for name in _Strict.model_fields})), []


def _text(value: Any) -> Any:
    """YAML's dates as text; what JSON cannot say (sets, bytes) as something that no setting accepts."""
    return value.isoformat() if isinstance(value, date) else {"unsupported": repr(value)}


def _infinite(value: Any) -> bool:
    if isinstance(value, dict | list):
        return any(_infinite(each) for each in (value.values() if isinstance(value, dict) else value))
    return isinstance(value, float) and not math.isfinite(value)


def _canonical(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return {name: _canonical(getattr(value, name)) for name in type(value).model_fields}
    if isinstance(value, dict):
        return {name: _canonical(each) for name, each in value.items()}
    if isinstance(value, (tuple, list)):
        return [_canonical(each) for each in value]
    if isinstance(value, Decimal):
        whole, _, decimals = f"{value:.4f}".partition(".")
        return f"{whole}.{decimals.rstrip('0').ljust(2, '0')}"
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat() if value.tzinfo else value.isoformat()
    return value + 0.0 if isinstance(value, float) else value  # + 0.0: there is one zero
