"""The agent `remote`: decisions by HTTP, so that an agent in any language, or a language model, can be trained here.

Touch this when the protocol changes, with docs/bring_your_own.md and examples/http_agent.py. Every answer is recorded
in the content store under the digest of address and request: a retry and a repeated run are given what the first was
given, without a call and without cost. A changed remote agent therefore wants another address (or a path in it).

`remote.cost_limit` bounds what one agent costs in one activity (a batch, a campaign's tick), in all its attempts: each
call counts before it is made, whether or not an answer comes, and so does an answer that is replayed. Only a new call
is ever refused.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Protocol

import numpy as np

from gaelp.agents.contract import Decision, Observation, State, WorldShape
from gaelp.agents.remote.remote_call import CallFailed, shown
from gaelp.arrays import F8, Array
from gaelp.domain.config.run_sections import Remote
from gaelp.errors import GaelpError

PROTOCOL = "gaelp-agent/1"
MEMORY = 16  # numbers per campaign that a remote agent may have carried from tick to tick
UNITS = {
    "hour": "hour of the day, 0 to 23 [C]",
    "weekday": "day of the week, 0 = Monday [C]",
    "time_left": "share of the campaign's life still to come [C]",
    "budget_left_micros": "millionths of a currency unit left of today's budget [C]",
    "impressions": "count since the campaign began [C, S, K]",
    "clicks": "count since the campaign began [C, S, K]",
    "matured_conversions": "count since the campaign began [C, S, K]",
    "cost_micros": "millionths of a currency unit since the campaign began [C, S, K]",
    "segment_features": "numbers [C, S, F]",
    "candidate_features": "numbers [C, K, G]",
    "mask": "false: this candidate may not be shown [C, K]",
    "click_value_micros": "millionths of a currency unit that an average click is worth [C]",
    "memory": f"what the last answer carried, {MEMORY} numbers [C, {MEMORY}]",
    "bid_micros": "millionths of a currency unit per thousand impressions, 0 = off [C, S]",
    "creative_prob": "probability, sums to 1 over the candidates [C, S, K]",
    "spend_rate": "share of what is left that may go until the next tick [C]",
    "target": "cost per conversion in micros, or return on ad spend (value / cost) [C]",
}
Ask = Callable[[str, bytes, float], bytes]
"""(address, JSON body, total timeout in seconds) -> body of the answer; raises CallFailed."""


class RemoteError(GaelpError, RuntimeError):
    """The remote agent did not answer as it must; a later attempt may have better luck."""


class RemoteRefused(RemoteError):
    """The remote agent cannot be asked, or may not be asked any more; no retry can mend it."""

    permanent = True


class Recordings(Protocol):
    """What of the content store is used here."""

    def recorded(self, request: str) -> str | None: ...
    def record(self, request: str, content: str) -> str: ...
    def put_document(self, document: Mapping[str, Any]) -> str: ...
    def get_document(self, digest: str) -> dict[str, Any]: ...


@dataclass(frozen=True)
class RemoteConnection:
    """How one activity reaches the remote agent; `place` and `step` say in errors and tick keys where it asks from.

    `activity` is the same in all attempts of one activity, and differs from that of every other.
    """

    settings: Remote
    recordings: Recordings
    ask: Ask
    place: str = "this activity"
    step: int = 0
    activity: str = ""


class RemoteAgent:
    """Asks POST {remote.url}/act for every decision; it learns, if at all, on its own side."""

    name = "remote"
    heads: tuple[str, ...] = ("bid_micros", "creative_prob")

    def __init__(self, connection: RemoteConnection | None = None) -> None:
        self._connection = connection
        self._step = connection.step if connection else 0
        self._calls: dict[str, int] = {}  # by request: calls of this attempt and of those before it
        if connection is not None:
            self.heads = tuple(connection.settings.heads)

    def initial_state(self, shape: WorldShape, rng: np.random.Generator) -> State:
        """Only the number of learning rounds, which is told with every request."""
        return {"rounds": np.zeros(1, np.int64)}

    def initial_memory(self, campaigns: int) -> F8:
        """Zeros [C, 16]; an answer may fill fewer."""
        return np.zeros((campaigns, MEMORY))

    def act(self, state: State, observation: Observation, memory: F8, rng: np.random.Generator) -> tuple[Decision, F8]:
        """The answer as it is: worlds and live ticks check every decision. Raises RemoteError, RemoteRefused."""
        seed = int(rng.integers(2**53))  # what JSON readers take for a whole number everywhere
        answer = self._answered(
            self._request(int(state["rounds"][0]), observation, memory, seed), len(observation.hour)
        )
        self._step += 1
        heads = {head: _array(answer["decision"][head]) for head in self.heads}
        decision: dict[str, Any] = {"bid_micros": None, "creative_prob": None, **heads}
        return Decision(**decision), _memory(answer, len(observation.hour))

    def learn(self, state: State, trajectories: Sequence[State]) -> State:
        """Counts the rounds. Trajectories are not sent: the protocol has no /learn, the agent learns on its side."""
        return {**state, "rounds": np.asarray(state["rounds"]) + 1}

    def _request(self, rounds: int, observation: Observation, memory: F8, seed: int) -> bytes:
        values = {field.name: getattr(observation, field.name).tolist() for field in fields(observation)}
        values["memory"] = memory.tolist()
        request = {
            "protocol": PROTOCOL,
            "agent": self.name,
            "tick_key": f"{self._connection.place}/{self._step}" if self._connection else "",
            "seed": seed,
            "rounds": rounds,
            "observation": values,
            "units": {name: UNITS[name] for name in (*values, *self.heads)},
            "heads": list(self.heads),
        }
        return json.dumps(request, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()

    def _answered(self, request: bytes, campaigns: int) -> dict[str, Any]:
        """The recorded answer; else the one that is given now, checked for its form and recorded."""
        connection = self._connection
        if connection is None or connection.settings.url is None:
            raise RemoteRefused("the agent remote has no address: set remote.url, and start a run with it")
        url = f"{connection.settings.url.rstrip('/')}/act"
        key = hashlib.sha256(f"{url}\n".encode() + request).hexdigest()
        digest = connection.recordings.recorded(key)
        self._calls[key] = max(_made(connection, key), int(digest is not None))
        if digest is None:
            try:
                self._afford(connection, key)
                answer = _parsed(connection.ask(url, request, connection.settings.timeout_seconds), self.heads)
                _memory(answer, campaigns)
                content = _stored(connection.recordings, answer)
            except CallFailed as error:
                kind = RemoteRefused if error.permanent else RemoteError
                where = f"the agent at {connection.settings.url}, asked at step {self._step} of {connection.place},"
                raise kind(f"{where} {error}") from error
            digest = connection.recordings.record(key, content)
        return connection.recordings.get_document(digest)

    def _afford(self, connection: RemoteConnection, key: str) -> None:
        """Count one more call, if the limit allows it."""
        settings, made = connection.settings, sum(self._calls.values())
        if (made + 1) * settings.cost_per_call > settings.cost_limit:
            raise CallFailed(
                f"has been called {made} times at {settings.cost_per_call} (earlier attempts and replays included) "
                f"and one more would exceed remote.cost_limit ({settings.cost_limit}): raise it, or decide more rarely "
                "(clock.tick_hours)",
                permanent=True,
            )
        if settings.cost_per_call:
            connection.recordings.record(_mark(connection, key, self._calls[key]), key)
        self._calls[key] += 1


def _made(connection: RemoteConnection, key: str) -> int:
    """Calls for this request that the activity is known to have made."""
    made = 0
    if not connection.settings.cost_per_call:
        return made
    while connection.recordings.recorded(_mark(connection, key, made)) is not None:
        made += 1
    return made


def _mark(connection: RemoteConnection, key: str, number: int) -> str:
    """Under which it is recorded that a call was made: what it cost is to be known also where no answer came."""
    return hashlib.sha256(f"{connection.activity}\n{key}\n{number}".encode()).hexdigest()


def _parsed(body: bytes, heads: tuple[str, ...]) -> dict[str, Any]:
    """{"decision": {every head}, "memory": optional}. Raises CallFailed."""
    form = f'it must answer {{"decision": {{{", ".join(heads)}}}, "memory": optional}} (docs/bring_your_own.md)'
    try:
        answer = json.loads(body.decode(), parse_constant=_finite, parse_float=_finite, object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        text = shown(body.decode("utf-8", "replace"))
        raise CallFailed(f"answered {text}, which is not strict JSON ({error}): {form}") from error
    if not isinstance(answer, dict) or not {"decision"} <= answer.keys() <= {"decision", "memory"}:
        raise CallFailed(f"answered {shown(json.dumps(answer))}: {form}")
    given = answer["decision"]
    if not isinstance(given, dict) or given.keys() != set(heads):
        named = shown(", ".join(given) if isinstance(given, dict) else json.dumps(given))
        raise CallFailed(f"decided {named} where remote.heads names {', '.join(heads)}: make them agree")
    return answer


def _stored(recordings: Recordings, answer: Mapping[str, Any]) -> str:
    try:
        return recordings.put_document(answer)
    except (ValueError, RecursionError) as error:  # half a surrogate pair can be read and not written
        raise CallFailed("answered text that is not Unicode: a decision is numbers") from error


def _finite(text: str) -> float | None:
    """NaN and Infinity as null, which JSON has and which reads as NaN: they fail the episode they stand in, not all."""
    number = float(text)
    return number if math.isfinite(number) else None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = dict(pairs)
    if len(names) < len(pairs):
        raise ValueError("a name stands twice in one object")
    return names


def _array(value: Any) -> Array:
    """As it was given: what is ragged or no number is for the check of decisions to name."""
    try:
        return np.asarray(value)
    except ValueError:
        return np.asarray(value, dtype=object)


def _memory(answer: Mapping[str, Any], campaigns: int) -> F8:
    """The answer's memory [C, 16], filled up with zeros. Raises CallFailed."""
    memory = np.zeros((campaigns, MEMORY))
    given = memory if answer.get("memory") is None else _array(answer["memory"])
    if given.dtype.kind not in "iuf" or given.ndim != 2 or len(given) != campaigns or given.shape[1] > MEMORY:
        raise CallFailed(f"answered a memory that is not {campaigns} rows (campaigns) of at most {MEMORY} numbers each")
    memory[:, : given.shape[1]] = given
    return memory
