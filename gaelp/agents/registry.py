"""Agents by name, and the check that every decision passes. Touch this to change what a world may be asked to do."""

from __future__ import annotations

from difflib import get_close_matches
from importlib.metadata import EntryPoint, entry_points

import numpy as np
import numpy.typing as npt

from gaelp.agents.contract import F8, I8, Agent, Decision, InvalidDecision, Observation

GROUP = "gaelp.agents"
SUM_TOLERANCE = 1e-6
LARGEST_BID_MICROS = 10**12


class UnknownAgent(LookupError):
    """No installed package offers an agent of that name, or it could not be loaded."""


def available() -> list[str]:
    """Names of all installed agents, sorted."""
    return sorted(_entries())


def load_agent(name: str) -> Agent:
    """A fresh agent of that name. Raises UnknownAgent with a suggestion."""
    entries = _entries()
    if name not in entries:
        close = get_close_matches(name, entries, n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"installed are {', '.join(sorted(entries)) or 'none'}"
        raise UnknownAgent(f"no agent {name!r} in the entry-point group {GROUP}: {hint}")
    try:
        made = entries[name].load()()
    except (ImportError, AttributeError, TypeError) as error:
        raise UnknownAgent(f"agent {name!r} ({entries[name].value}) cannot be loaded: {error}") from error
    missing = [verb for verb in ("initial_state", "initial_memory", "act", "learn", "heads") if not hasattr(made, verb)]
    if missing:
        raise UnknownAgent(f"agent {name!r} ({entries[name].value}) lacks {', '.join(missing)}: see agents/contract.py")
    agent: Agent = made
    return agent


def checked(decision: Decision, observation: Observation, agent: str, step: int) -> Decision:
    """The decision with exact dtypes and probabilities that sum to one; heads that are None stay None.

    Raises InvalidDecision naming the agent and the step.
    """
    campaigns, candidates = observation.mask.shape
    segments = observation.segment_features.shape[1]
    where = f"agent {agent!r} at step {step}"
    bid = _bids(decision.bid_micros, (campaigns, segments), where)
    return Decision(
        bid_micros=bid,
        creative_prob=_shares(decision.creative_prob, (campaigns, segments, candidates), observation, bid, where),
        spend_rate=_numbers(decision.spend_rate, (campaigns,), "spend_rate", where, most=1.0),
        target=_numbers(decision.target, (campaigns,), "target", where),
    )


def _entries() -> dict[str, EntryPoint]:
    return {entry.name: entry for entry in entry_points(group=GROUP)}


def _bids(given: I8 | None, shape: tuple[int, ...], where: str) -> I8 | None:
    bid = _numbers(given, shape, "bid_micros", where, most=LARGEST_BID_MICROS)
    return None if bid is None else np.floor(bid).astype(np.int64)


def _shares(
    given: F8 | None, shape: tuple[int, ...], observation: Observation, bid: I8 | None, where: str
) -> F8 | None:
    share = _numbers(given, shape, "creative_prob", where, most=1.0 + SUM_TOLERANCE)
    if share is None:
        return None
    total = share.sum(axis=-1)
    if np.abs(total - 1.0).max(initial=0.0) > SUM_TOLERANCE:
        raise InvalidDecision(f"{where}: creative_prob sums to {_worst(total):.6g} over the candidates, not to 1")
    open_segments = np.ones(shape[:2], bool) if bid is None else bid > 0
    if (share * ~observation.mask[:, None, :])[open_segments].any():
        raise InvalidDecision(f"{where}: creative_prob is positive for a candidate that the mask forbids")
    return np.asarray(share / total[..., None])


def _numbers(
    given: npt.NDArray[np.generic] | None, shape: tuple[int, ...], head: str, where: str, *, most: float = np.inf
) -> F8 | None:
    if given is None:
        return None
    try:
        numbers = np.asarray(given).astype(np.float64)
    except (TypeError, ValueError) as error:
        raise InvalidDecision(f"{where}: {head} is not numeric: {error}") from error
    if numbers.shape != shape:
        raise InvalidDecision(f"{where}: {head} has shape {numbers.shape}, the observation needs {shape}")
    if not np.isfinite(numbers).all():
        raise InvalidDecision(f"{where}: {head} has a NaN or an infinite number")
    if (numbers < 0).any():
        raise InvalidDecision(f"{where}: {head} has a negative number, {numbers.min():.6g}")
    if (numbers > most).any():
        raise InvalidDecision(f"{where}: {head} has {numbers.max():.6g}, above the most allowed, {most:.6g}")
    return numbers


def _worst(total: F8) -> float:
    return float(total.ravel()[np.argmax(np.abs(total - 1.0))])
