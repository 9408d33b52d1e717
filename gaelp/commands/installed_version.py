"""The verb `version`, and `--version`: what a person writes into a question or a report of a fault.

Touch this when another part's version matters.
"""

from __future__ import annotations

import argparse
import platform
from importlib.metadata import version as version_of

from gaelp.commands.console import DONE, Out


def version(_: argparse.Namespace, out: Out) -> int:
    """The versions of gaelp, of Python and of Temporal's SDK."""
    ours, sdk = version_of("gaelp"), version_of("temporalio")
    text = f"gaelp {ours} (Python {platform.python_version()}, temporalio {sdk})"
    out.result({"gaelp": ours, "python": platform.python_version(), "temporalio": sdk}, text)
    return DONE
