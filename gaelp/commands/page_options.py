"""The options of the verbs that ask a person in a browser. Touch this to add one."""

from __future__ import annotations

import argparse

PORT = 8234


def page_options(parser: argparse.ArgumentParser) -> None:
    """Where the page is served."""
    parser.add_argument("--port", type=_port, default=PORT, help=f"of the page (default {PORT})")
    parser.add_argument("--bind", default="127.0.0.1", metavar="ADDRESS", help="default: this machine only")
    what = (
        "the page's address behind the owner's TLS, as in https://approve.example.com; default: http://localhost:PORT"
    )
    parser.add_argument("--origin", metavar="ADDRESS", help=what)


def _port(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 0 < int(text) <= 65_535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port from 1 to 65535")
    return int(text)
