"""The verb `dev`: the local services and a worker, until interrupted. What they are is in gaelp/local_stack."""

from __future__ import annotations

import argparse

from gaelp.commands import connections
from gaelp.commands.console import Out


def dev(_: argparse.Namespace, __: Out) -> int:
    """Run until interrupted."""
    from gaelp.local_stack import run_dev

    return run_dev(connections.read_settings())
