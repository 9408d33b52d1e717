"""Other simulators, measured here and not quoted, where the package registry has them. Touch this when one appears.

A peer is installed into a virtual environment of its own, kept in the bench's home for the next time.
"""

from __future__ import annotations

import subprocess
import venv
from dataclasses import dataclass
from pathlib import Path

from scripts.bench.timing import Row, Sizes

INSTALL_SECONDS = 600

# Auctions as its simulator makes them: 10,000 in a step, each with one winning price drawn.
RTBGYM = """
import sys, time, warnings
warnings.filterwarnings("ignore")
from rtbgym import RTBEnv
from rtbgym.utils import NormalDistribution
volume = NormalDistribution(mean=10_000, std=100, random_state=1)
env = RTBEnv(search_volume_distribution=volume, random_state=1)
made, auctions = env.simulator.generate_auction, 0
def counting(*arguments, **named):
    global auctions
    ids = made(*arguments, **named)
    auctions += len(ids[0])
    return ids
env.reset()
env.step(1.0)
env.simulator.generate_auction = counting
begun = time.perf_counter()
while time.perf_counter() - begun < float(sys.argv[1]):
    env.step(1.0)
print(auctions / (time.perf_counter() - begun))
"""


@dataclass(frozen=True)
class Peer:
    """How to get a peer: `packages` with their dependencies, `alone` without, and a program that prints a rate."""

    name: str
    packages: tuple[str, ...] = ()
    alone: tuple[str, ...] = ()
    program: str = ""
    about: str = ""  # what its auctions are
    why_not: str = ""  # why it cannot be installed at all


PEERS = (
    # scope-rl brings rtbgym; of its dependencies torch and d3rlpy, 3 GB, are not the simulator's.
    Peer(
        "rtbgym",
        ("gym==0.26.2", "gymnasium==1.2.3", "numpy<2", "scipy", "pandas<3", "scikit-learn"),
        ("scope-rl==0.2.1",),
        RTBGYM,
        "one winning price drawn for each auction, no rivals",
    ),
    Peer("AuctionGym", why_not="published as a source repository only, not as a package"),
    Peer("AuctionNet", why_not="published as a source repository only, not as a package"),
)


def measured(sizes: Sizes, home: Path) -> list[Row]:
    """One row per peer; one that does not install here has no rate and says why."""
    return [_measured(peer, home / "peers" / peer.name.lower(), sizes.peer_seconds) for peer in PEERS]


def _measured(peer: Peer, folder: Path, seconds: float) -> Row:
    if peer.why_not:
        return _absent(peer, peer.why_not)
    python = folder / "bin" / "python"
    try:
        if not (folder / "ready").exists():
            venv.create(folder, with_pip=True, clear=True)
            _install(python, peer.packages)
            _install(python, peer.alone, "--no-deps")
            (folder / "ready").touch()
        ran = _run([str(python), "-c", peer.program, str(seconds)])
    except subprocess.CalledProcessError as error:
        lines = (error.stderr or "no reason given").strip().splitlines()
        return _absent(peer, lines[-1][:200])
    except subprocess.TimeoutExpired:
        return _absent(peer, f"did not install within {INSTALL_SECONDS} s")
    return Row(peer.name, "auctions", float(ran.split()[-1]), note=peer.about)


def _install(python: Path, packages: tuple[str, ...], *options: str) -> None:
    if packages:
        _run([str(python), "-m", "pip", "install", "--quiet", *options, *packages])


def _run(command: list[str]) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=INSTALL_SECONDS).stdout


def _absent(peer: Peer, why: str) -> Row:
    return Row(peer.name, "auctions", 0.0, note=f"not installable here: {why}")
