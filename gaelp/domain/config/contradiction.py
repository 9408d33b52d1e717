"""What is said of settings that cannot stand together. Touch this when a person should be told more of them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Contradiction:
    """Why the settings at `paths` cannot stand together; the first path is where to change something."""

    paths: tuple[str, ...]
    message: str
