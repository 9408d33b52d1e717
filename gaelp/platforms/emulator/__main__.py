"""`python -m gaelp.platforms.emulator`: the composition root of the emulator. Touch this to add an option."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import uvicorn

from gaelp.confinement.kernel_rules import keep_private
from gaelp.platforms.emulator.campaign_store import Store, StoreInUse
from gaelp.platforms.emulator.delivery import Delivery
from gaelp.platforms.emulator.server import create_app
from gaelp.platforms.emulator.service import Emulator
from gaelp.settings import Settings


def main() -> int:
    """Serve until the process is stopped; returns 2 where the file cannot be used."""
    options = _options()
    keep_private()
    try:
        store = Store(options.db, options.seed, options.synchronous)
    except (StoreInUse, OSError) as error:
        sys.stderr.write(f"The platform emulator cannot start: {error}.\n")
        return 2
    delivery = Delivery(options.seed, options.overdelivery)
    emulator = Emulator(store, delivery, options.report_lag_hours)
    if options.conversion_factor is not None:
        emulator.set_conversion_factor(options.conversion_factor)
    uvicorn.run(
        create_app(emulator, Settings().emulator_token),
        host=options.host,
        port=options.port,
        log_level="warning",
        access_log=False,
        timeout_keep_alive=75,  # longer than a client's pause between two calls, which reuse one connection
        timeout_graceful_shutdown=1,
    )
    store.close()
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="gaelp.platforms.emulator", description="An ad platform to practise on.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8700)
    parser.add_argument("--db", type=Path, required=True, help="its own SQLite file")
    parser.add_argument("--seed", type=int, required=True, help="of the hidden world and of every outcome")
    factor = "times every conversion rate from now on; kept in the file, 1 at first"
    parser.add_argument("--conversion-factor", type=_within(0, 100), help=factor)
    parser.add_argument("--report-lag-hours", type=_within(0, 240), default=3.0, help="until cost and conversions show")
    parser.add_argument("--overdelivery", type=_within(1, 2), default=2.0, help="most that a day bills, in budgets")
    waits = "whether it waits for the disk; with normal a power cut may lose the last moments, and a kill loses nothing"
    parser.add_argument("--synchronous", choices=["full", "normal"], default="full", help=waits)
    return parser.parse_args()


class _within:
    """A number between two bounds, as an argparse type."""

    def __init__(self, low: float, high: float) -> None:
        self._low, self._high = low, high

    def __call__(self, text: str) -> float:
        value = float(text)
        if not self._low <= value <= self._high:
            raise argparse.ArgumentTypeError(f"{text} is not between {self._low} and {self._high}")
        return value


if __name__ == "__main__":
    sys.exit(main())
