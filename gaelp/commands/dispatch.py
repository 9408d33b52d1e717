"""From words to an exit code: parses, calls the verb's module, turns every error into a sentence. Never a traceback.

Touch this when a kind of error deserves another exit code.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence

from gaelp.commands.console import DONE, FAILED, WRONG_USE, Out, Refused
from gaelp.commands.parser import VERBS, build, parse

INTERRUPTED = 130

# Errors whose message is already a sentence for users: by module, so that none is imported for nothing.
SPOKEN: tuple[tuple[str, str, int], ...] = (
    ("gaelp.configuration.loading", "ConfigurationErrors", WRONG_USE),
    ("gaelp.ledger.ledger_errors", "LedgerError", FAILED),
    ("gaelp.ledger.signatures", "BadKey", FAILED),
    ("gaelp.platforms.protocol", "PlatformError", FAILED),
    ("gaelp.platforms.adapters", "UnknownPlatform", FAILED),
    ("gaelp.agents.installed_agents", "UnknownAgent", WRONG_USE),
    ("gaelp.market.third_party.refusals", "UnknownEnvironment", WRONG_USE),
    ("gaelp.market.third_party.refusals", "BrokenContract", FAILED),
    ("gaelp.records.content_store", "MissingContent", FAILED),
    ("gaelp.records.content_store", "CorruptContent", FAILED),
    ("gaelp.records.warehouse.warehouse", "WarehouseError", FAILED),
    ("gaelp.records.warehouse.warehouse", "WarehouseUnavailable", FAILED),
    ("gaelp.records.logs.log_files", "IngestError", FAILED),
    ("gaelp.records.logs.stored_logs", "UnknownLog", FAILED),
    ("gaelp.market.calibration.calibrate", "CalibrationError", FAILED),
    ("gaelp.reports.report_facts", "UnknownRun", FAILED),
    ("gaelp.local_stack", "StackError", FAILED),
)


def main(argv: Sequence[str]) -> int:
    """Run one command line and return its exit code."""
    out = Out("--json" in argv)
    try:
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
        spoken = _spoken(error)
        out.refuse(str(spoken), spoken.code, spoken.detail)
        return spoken.code


def _spoken(error: Exception) -> Refused:
    if isinstance(error, Refused):
        return error
    for module, name, code in SPOKEN:
        kind = getattr(sys.modules.get(module), name, None)
        if kind is not None and isinstance(error, kind):
            problems = getattr(error, "problems", ())
            listed = [{"path": each.path, "message": each.message, "source": each.source} for each in problems]
            return Refused(str(error), code, **({"errors": listed} if listed else {}))
    service = sys.modules.get("temporalio.service")
    if service is not None and isinstance(error, service.RPCError):
        return Refused(f"Temporal refused: {error.message} ({error.status.name})")
    if isinstance(error, OSError) and error.filename is not None:
        return Refused(f"{error.filename}: {error.strerror}")
    if os.environ.get("GAELP_LOG_LEVEL", "").upper() == "DEBUG":
        import traceback

        Out(False).note("".join(traceback.format_exception(error)))
    return Refused(
        f"unexpected {type(error).__name__}: {' '.join(str(error).split())} "
        "(GAELP_LOG_LEVEL=DEBUG shows where; please report it)"
    )


def leave(code: int) -> None:
    """End the process with exactly this code: the Temporal SDK may abort an ordinary interpreter exit."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (BrokenPipeError, ValueError):
            code = code or DONE
    os._exit(code)
