"""Peak memory of training in one process, by number of episodes. Touch this when a round keeps something new.

Each size is a process of its own (`python -m scripts.bench.memory EPISODES CAMPAIGNS`): rounds of four batches whose
trajectories the agent learns from, as the simulation phase does, and then nothing of them is kept.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import asdict, dataclass

from scripts.bench.timing import Sizes

BATCHES_A_ROUND = 4
TELL_EVERY = 100_000


@dataclass(frozen=True)
class Peak:
    """What a number of episodes took."""

    episodes: int
    seconds: float
    peak_mib: float


def measured(sizes: Sizes) -> list[Peak]:
    """One child process per size, with progress on the error channel."""
    return [_child(episodes, sizes.campaigns) for episodes in sizes.episodes]


def _child(episodes: int, campaigns: int) -> Peak:
    command = [sys.executable, "-m", "scripts.bench.memory", str(episodes), str(campaigns)]
    ran = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=dict(os.environ))
    return Peak(**json.loads(ran.stdout))


def train(episodes: int, campaigns: int) -> Peak:
    """Train in this process; the last batches may bring a few episodes more than asked for."""
    from scripts.bench.episodes import Play, peak_mib

    play, index, begun = Play.of(campaigns), 0, time.perf_counter()
    while index * campaigns < episodes:
        width = min(BATCHES_A_ROUND, -(-episodes // campaigns) - index)
        play = play.learned([play.batch(index + each)[0] for each in range(width)])
        index += width
        done = index * campaigns
        if done // TELL_EVERY > (done - width * campaigns) // TELL_EVERY:
            print(f"  {done:,} of {episodes:,} episodes, {peak_mib():.0f} MiB", file=sys.stderr, flush=True)
    return Peak(index * campaigns, time.perf_counter() - begun, peak_mib())


if __name__ == "__main__":
    print(json.dumps(asdict(train(int(sys.argv[1]), int(sys.argv[2])))))
