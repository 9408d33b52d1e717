"""Configurations that are refused. Touch this to refuse them otherwise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from gaelp.configuration import loading
from gaelp.configuration.loading import (
    ConfigurationErrors,
    load,
)


def refused(
    what: str | Path, environment: Mapping[str, str] | None = None, overrides: Sequence[str] = ()
) -> ConfigurationErrors:
    with pytest.raises(ConfigurationErrors) as caught:
        load(what, environment=environment or {}, overrides=overrides)
    return caught.value


def only(error: ConfigurationErrors) -> loading.Problem:
    assert len(error.problems) == 1, str(error)
    return error.problems[0]
