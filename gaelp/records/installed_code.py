"""Which code runs: the commit, and the versions of all packages. Touch this when a run's row says more about it."""

from __future__ import annotations

import importlib.metadata
import subprocess
from pathlib import Path


def code_version() -> str:
    """The commit, marked where the work tree differs from it; `unknown` outside a checkout."""
    git = ["git", "-C", str(Path(__file__).resolve().parents[2])]
    try:
        commit = subprocess.run([*git, "rev-parse", "HEAD"], capture_output=True, text=True, check=True, timeout=10)
        dirty = subprocess.run([*git, "status", "--porcelain"], capture_output=True, text=True, check=True, timeout=10)
    except (OSError, subprocess.SubprocessError):
        return "unknown"
    return commit.stdout.strip() + ("-dirty" if dirty.stdout.strip() else "")


def package_versions() -> dict[str, str]:
    """Every installed distribution with its version, which the run's first row stores."""
    return {d.metadata["Name"]: d.version for d in importlib.metadata.distributions()}
