"""The verb `replay`: what a bid policy would have won on a market log, as the literature replays it.

Touch this to add a bid policy or to change what is printed; the replay itself is in gaelp/evidence/history.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from gaelp.commands.console import DONE, Out, WrongUse, table
from gaelp.commands.history.checkpoint_policies import checkpoint_bids, is_checkpoint
from gaelp.commands.history.given_logs import GivenLog, given_log
from gaelp.domain.log_evidence import LogKind
from gaelp.money import MICROS_PER_UNIT

if TYPE_CHECKING:
    from gaelp.evidence.history.bid_replay import BidRule, Replayed, ReplayRules, TrainingTotals

PARAMETERS = {"lin_bid": "b0", "mcpc": "", "fixed": "bid"}
"""The bid policies, each with the parameter that it must be given."""
STATS = ("impressions", "clicks", "cost")


def replay(arguments: argparse.Namespace, out: Out) -> int:
    """Auctions, impressions, clicks and cost in whole numbers, beside what the bids followed from."""
    from gaelp.evidence.history import bid_replay

    totals = _totals(arguments)
    rule = _rule(arguments, totals)
    rules = bid_replay.ReplayRules(
        episode_length=arguments.episode_length,
        budget=bid_replay.episode_budget(totals, arguments.budget_fraction, arguments.episode_length),
        max_bid=arguments.max_bid,
    )
    log = given_log(arguments.log, LogKind.MARKET, arguments)
    columns = log.columns
    pctr, agent = columns["pctr"], ""
    if is_checkpoint(arguments.policy):
        bids, agent = checkpoint_bids(arguments.policy, columns["hour"])
        pctr = pctr * bids / (arguments.price_unit * MICROS_PER_UNIT)
    replayed = bid_replay.replay(rule, columns["market_price"], pctr, columns["click"], rules)
    _show(log, arguments, (totals, rules, agent), replayed, out)
    return DONE


def _show(
    log: GivenLog,
    arguments: argparse.Namespace,
    asked: tuple[TrainingTotals, ReplayRules, str],
    won: Replayed,
    out: Out,
) -> None:
    totals, rules, agent = asked
    found: dict[str, Any] = {
        "auctions": won.auctions, "episodes": won.episodes, "impressions": won.impressions,
        "clicks": won.clicks, "cost": won.cost,
    }  # fmt: skip
    document = {
        "log": log.info.name,
        "policy": arguments.policy,
        "agent": agent or None,
        "parameters": _given(arguments.param),
        **found,
        "episode_length": rules.episode_length,
        "budget_per_episode": rules.budget,
        "max_bid": rules.max_bid,
        "training": {"impressions": totals.impressions, "clicks": totals.clicks, "cost": totals.cost},
    }
    policy = f"checkpoint {arguments.policy[:12]} of agent {agent}" if agent else arguments.policy
    shown = [(name, "unknown" if value is None else f"{value:,}") for name, value in found.items()]
    out.result(
        document,
        f"{log.head}; {policy}{''.join(f' {each}' for each in arguments.param)}, episodes of "
        f"{rules.episode_length:,} auctions with a budget of {rules.budget:,}, bids up to {rules.max_bid:,}",
        table(("", "in whole units of the log"), shown),
        "the log has only auctions that its logger won: what a higher bid would have won besides is not in it",
    )


def _totals(arguments: argparse.Namespace) -> TrainingTotals:
    from gaelp.evidence.history.bid_replay import TrainingTotals

    if arguments.train_stats is None:
        columns = given_log(arguments.train, LogKind.MARKET, arguments).columns
        if int(columns["click"].min()) < 0:
            raise WrongUse(f"{arguments.train} does not know the clicks of all its auctions: give --train-stats")
        clicks, cost = int(columns["click"].sum()), int(columns["market_price"].sum())
        return TrainingTotals(len(columns["click"]), clicks, cost)
    given = _given(arguments.train_stats.split(","))
    if set(given) != set(STATS) or not all(value.isascii() and value.isdigit() for value in given.values()):
        raise WrongUse("--train-stats is not of the form impressions=100000,clicks=79,cost=6450617, in whole numbers")
    return TrainingTotals(**{name: int(given[name]) for name in STATS})


def _rule(arguments: argparse.Namespace, totals: TrainingTotals) -> BidRule:
    from gaelp.evidence.history.bid_replay import BidRule

    checkpoint = is_checkpoint(arguments.policy)
    if not checkpoint and arguments.policy not in PARAMETERS:
        known = ", ".join(PARAMETERS)
        raise WrongUse(f"policy {arguments.policy!r} is neither {known} nor a checkpoint's digest")
    if checkpoint != (arguments.price_unit is not None):
        needs = "a checkpoint bids in money, and only it does: give it --price-unit, and no other policy"
        raise WrongUse(f"{needs} (what 1 in the log's prices is, per thousand impressions)")
    name = "" if checkpoint else PARAMETERS[arguments.policy]
    given = _given(arguments.param)
    if set(given) != ({name} if name else set()):
        wanted = f"--param {name}=NUMBER and nothing else" if name else "no --param"
        raise WrongUse(f"policy {arguments.policy} takes {wanted}")
    if checkpoint:  # its bids are factors of the predicted click rates
        return BidRule(per_ctr=1.0, over=totals.mean_ctr)
    if arguments.policy == "mcpc":
        return BidRule(per_ctr=totals.cost_per_click)
    value = _number(given[name], name)
    if arguments.policy == "fixed":
        return BidRule(fixed=int(value))
    return BidRule(per_ctr=value, over=totals.mean_ctr)


def _number(text: str, name: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value < math.inf:
        raise WrongUse(f"--param {name}={text} is not a number from 0 up")
    return value


def _given(pairs: list[str]) -> Mapping[str, str]:
    given: dict[str, str] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not name or not equals or not value or name in given:
            raise WrongUse(f"{pair!r} is not of the form NAME=VALUE, or is there twice")
        given[name] = value
    return given
