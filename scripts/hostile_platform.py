"""`make hostile`: many sequences of campaigns under a hostile platform; prints the seeds of what it finds.

Touch this to run the sequences in another way. Needs the test library: run it from the repository's root.
"""

from __future__ import annotations

import argparse
import sys
import time
from concurrent.futures import ProcessPoolExecutor

from tests.hostile.hostile_sequence import Broken, run_sequence


def one(seed: int) -> tuple[int, int, str]:
    """Its seed, its steps, and the invariant that it broke; empty where all held."""
    try:
        return seed, run_sequence(seed).steps, ""
    except Broken as broken:
        return seed, 0, str(broken)


def main() -> int:
    """Entry point."""
    parser = argparse.ArgumentParser(prog="make hostile", description=__doc__)
    parser.add_argument("--sequences", type=int, default=1000)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args()
    begun, steps, broken = time.monotonic(), 0, 0
    with ProcessPoolExecutor(options.processes) as pool:
        seeds = range(options.first, options.first + options.sequences)
        for _, taken, sentence in pool.map(one, seeds, chunksize=8):
            steps += taken
            if sentence:
                broken += 1
                print(sentence, flush=True)
    seconds = time.monotonic() - begun
    print(f"{options.sequences} sequences, {steps} steps, {broken} broke an invariant, {seconds:.0f} s")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
