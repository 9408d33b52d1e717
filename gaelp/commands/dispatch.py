"""Runs one command line: every error ends it with one sentence and an exit code, never with a traceback.

An error of ours brings both (gaelp/errors.py); one that is not of ours is called unexpected, and its traceback is shown
only on request. Touch this to change how a command ends.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence

from gaelp.commands.console import DONE, INTERRUPTED, Out, Refused
from gaelp.commands.parser import VERBS, build, parse
from gaelp.errors import WRONG_USE, GaelpError


def main(argv: Sequence[str]) -> int:
    """Run one command line and return its exit code."""
    out = Out("--json" in argv)
    try:
        if "_ARGCOMPLETE" in os.environ:  # the shell asks what the Tab key completes
            from gaelp.commands.tab_completion import complete

            complete()
        if not argv:
            out.note(build().format_help())
            return WRONG_USE
        arguments = parse(argv)
        module, function = VERBS[arguments.verb][0].split(":")
        verb = getattr(importlib.import_module(f"gaelp.commands.{module}"), function)
        return int(verb(arguments, out))
    except SystemExit as leaving:  # --help
        return leaving.code if isinstance(leaving.code, int) else DONE
    except KeyboardInterrupt:
        out.refuse("interrupted", INTERRUPTED, {})
        return INTERRUPTED
    except BrokenPipeError:  # the reader has gone, as `| head` does
        return DONE
    except Exception as error:
        refusal = for_people(error)
        out.refuse(str(refusal), refusal.exit_code, refusal.detail())
        return refusal.exit_code


def for_people(error: Exception) -> GaelpError:
    """The error as an error of ours, with one sentence; it is its own where it is one."""
    if isinstance(error, GaelpError):
        return error
    service = sys.modules.get("temporalio.service")
    if service is not None and isinstance(error, service.RPCError):
        return Refused(f"Temporal refused: {error.message} ({error.status.name})")
    if isinstance(error, ModuleNotFoundError):
        return Refused(not_installed(error.name or "one"))
    if isinstance(error, OSError) and error.filename is not None:
        return Refused(f"{str(error.filename)[:200]}: {error.strerror}")
    if os.environ.get("GAELP_LOG_LEVEL", "").upper() == "DEBUG":
        import traceback

        Out(False).note("".join(traceback.format_exception(error)))
    return Refused(
        f"unexpected {type(error).__name__}: {' '.join(str(error).split())} "
        "(GAELP_LOG_LEVEL=DEBUG shows where; please report it)"
    )


def not_installed(package: str) -> str:
    """What a person does about a package that this interpreter lacks."""
    return (
        f"the package {package} is not installed for {sys.executable}: run `make setup` once, and then "
        "`source .venv/bin/activate` in each terminal"
    )


def leave(code: int) -> None:
    """End the process with exactly this code: the Temporal SDK may abort an ordinary interpreter exit."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (BrokenPipeError, ValueError):
            code = code or DONE
    os._exit(code)
