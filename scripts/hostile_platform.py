"""`make hostile`: many sequences of campaigns under a hostile platform; prints the seeds of what it finds.

Touch this to run the sequences in another way. Needs the test library: run it from the repository's root.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field

from tests.hostile.hostile_sequence import run_sequence
from tests.hostile.invariants import Broken

PROGRESS_SECONDS = 60.0


@dataclass
class Summary:
    """What many sequences did."""

    sequences: int = 0
    steps: int = 0
    broken: list[int] = field(default_factory=list)  # their seeds
    met: Counter[str] = field(default_factory=Counter)  # faults by kind, summed
    longest_stop: float = 0.0  # seconds on the virtual clock

    def add(self, other: Summary) -> None:
        """Take another summary in."""
        self.sequences += other.sequences
        self.steps += other.steps
        self.broken += other.broken
        self.met += other.met
        self.longest_stop = max(self.longest_stop, other.longest_stop)

    @property
    def sentence(self) -> str:
        """All of it, on a line."""
        faults = sum(self.met.values())
        return (
            f"{self.sequences} sequences, {self.steps} steps, {faults} faults and acts of people, longest stop "
            f"{self.longest_stop:.1f} s, {len(self.broken)} broke an invariant"
        )


def one(seed: int) -> tuple[Summary, str]:
    """One sequence, and the invariant that it broke; empty where all held."""
    try:
        found = run_sequence(seed)
    except Broken as broken:
        return Summary(1, broken=[seed]), str(broken)
    return Summary(1, found.steps, met=found.met, longest_stop=found.longest_stop), ""


def run_sequences(seeds: Iterable[int], processes: int) -> Summary:
    """Run them, and print progress and whatever breaks an invariant."""
    total, begun = Summary(), time.monotonic()
    shown = begun
    with ProcessPoolExecutor(processes) as pool:
        for summary, sentence in pool.map(one, seeds, chunksize=8):
            total.add(summary)
            if sentence:
                print(sentence, flush=True)
            if time.monotonic() - shown > PROGRESS_SECONDS:
                shown = time.monotonic()
                print(f"after {shown - begun:.0f} s: {total.sentence}", flush=True)
    for kind, number in total.met.most_common():
        print(f"{number:>9} {kind}")
    print(f"{total.sentence}, {time.monotonic() - begun:.0f} s", flush=True)
    if total.broken:
        print(f"broken: seeds {', '.join(map(str, total.broken))}")
    return total


def main() -> int:
    """Entry point."""
    parser = argparse.ArgumentParser(prog="make hostile", description=__doc__)
    parser.add_argument("--sequences", type=int, default=1000)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args()
    seeds = range(options.first, options.first + options.sequences)
    return 1 if run_sequences(seeds, options.processes).broken else 0


if __name__ == "__main__":
    sys.exit(main())
