"""Agents learn in the market and nothing else is needed: no server, no configuration file, no run.

    python examples/learn_in_the_market.py --auction first-price --plot learning.png

A round is 64 campaigns of five days, all at once. After each the agent learns, and is then examined on worlds that it
never trained in. What it misses of the best possible profit (its regret) is split by what was wrong.
"""

import argparse
from pathlib import Path

import gymnasium
import numpy as np

import gaelp.market.gym.registration  # noqa: F401 - registers the ids
from gaelp.agents.agent_entry_points import load_agent
from gaelp.market.gym.play_agent import play, untrained

PARTS = ("estimation", "allocation", "over_bidding", "under_bidding")
EXAM = 10_000  # episodes of training have lower numbers


def learn(agent, worlds, rounds, seed):
    """A row per round: regret, and its parts, in shares of the best possible profit."""
    state, rows = untrained(agent, worlds, seed), []
    for number in range(rounds + 1):
        _, measured = play(agent, state, worlds, seed=seed, index=EXAM)
        best = measured["optimum_micros"].sum()
        rows.append([measured[f"{part}_micros"].sum() / best for part in ("regret", *PARTS)])
        print(f"{agent.name:16} after {number:2} rounds" + "".join(f"{share:14.3f}" for share in rows[-1]))
        trajectory, _ = play(agent, state, worlds, seed=seed, index=number)
        state = agent.learn(state, [trajectory])
    return np.array(rows)


def plot(curves, path):
    """Regret by round, one line an agent."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 3.5), layout="constrained")
    axes = figure.add_subplot()
    for name, rows in curves.items():
        axes.plot(rows[:, 0], marker="o", label=name)
    axes.set(xlabel="rounds of learning", ylabel="share of the best profit missed", yscale="log")
    axes.legend()
    axes.grid(alpha=0.3)
    figure.savefig(path, dpi=110)


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--agents", default="linear-thompson,policy-search,best-creative,online-lp")
    parser.add_argument("--auction", default="second-price", choices=["second-price", "first-price"])
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--campaigns", type=int, default=64)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--plot", metavar="PNG", help="where to draw the curves")
    asked = parser.parse_args(argv)
    if asked.plot and (Path(asked.plot).suffix != ".png" or not Path(asked.plot).absolute().parent.is_dir()):
        parser.error(f"--plot {asked.plot}: name a .png in a folder that is there")
    config = {"market": {"auction": asked.auction}, "simulation": {"days": 5}, "clock": {"tick_hours": 6}}
    worlds = gymnasium.make_vec("gaelp/AdMarket-v0", num_envs=asked.campaigns, config=config)
    print(f"{'':32}" + "".join(f"{part:>14}" for part in ("regret", *PARTS)))
    curves = {}
    for name in asked.agents.split(","):
        agent = load_agent(name)
        curves[agent.name] = learn(agent, worlds, asked.rounds, asked.seed)
    if asked.plot:
        plot(curves, asked.plot)


if __name__ == "__main__":
    main()
