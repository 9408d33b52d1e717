"""The verb `dev`: runs the local services and the workers until it is interrupted.

Which services these are stands in gaelp/local_stack/stack.py. Touch this only to give the verb an option.
"""

from __future__ import annotations

import argparse

from gaelp.commands import connections
from gaelp.commands.console import Out


def dev(_: argparse.Namespace, __: Out) -> int:
    """Run until interrupted."""
    from gaelp.local_stack import run_dev

    return run_dev(connections.read_settings())
