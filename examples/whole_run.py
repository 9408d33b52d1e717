"""A whole run from Python: it is told as it goes, approved where it asks for money, and its verdicts are read.

    make dev                                                            # in one terminal
    python examples/whole_run.py --key .gaelp/keys/emulator.pem         # in another

Without --key nobody is asked to spend: the run ends with the phase `historical`. The same as a notebook:
examples/whole_run.ipynb.
"""

import argparse
import asyncio
import sys

from gaelp.errors import GaelpError
from starter import approve, start_training


def teller(key):
    """What is done with each event: print it, and sign where the run needs a person."""

    async def tell(event):
        print(event.sentence, flush=True)
        if event.kind == "needs-you" and key:
            print(f"{event.run}: {await approve(event.run, key, reason='asked for by examples/whole_run.py')}")

    return tell


async def run(asked):
    """Start it, wait for its end, and show every criterion that is open."""
    result = await start_training(
        asked.config,
        agent=asked.agent,
        name=asked.name,
        until=None if asked.key else "historical",
        on_event=teller(asked.key),
    )
    for phase in result.phases:
        for criterion in phase.gate.criteria if phase.gate else ():
            print(f"{phase.phase:12} {criterion.id:>3} {criterion.name:32} {criterion.label}")
    print(f"{result.run} ended {result.outcome}: {result.reason}; {result.spend_micros / 1e6:.2f} spent")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--config", default="quick-test", metavar="PROFILE_OR_FILE")
    parser.add_argument("--agent", metavar="NAME")
    parser.add_argument("--name", help="the run's, taken for ever; default: made of the profile and the time")
    parser.add_argument("--key", metavar="FILE", help="private key that approves what the run asks for")
    try:
        asyncio.run(run(parser.parse_args()))
    except GaelpError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
