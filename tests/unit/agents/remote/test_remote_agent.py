"""The agent over HTTP: what it says, what it replays, and what it does with every kind of bad answer."""

from __future__ import annotations

import gzip
import json
import socket
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gaelp.agents.agent_entry_points import load_agent
from gaelp.agents.contract import Decision, InvalidDecision, WorldShape
from gaelp.agents.decision_checks import checked, screened
from gaelp.agents.remote import remote_call
from gaelp.agents.remote.remote_agent import MEMORY, RemoteAgent, RemoteConnection, RemoteError, RemoteRefused
from gaelp.agents.remote.remote_call import Caller, CallFailed
from gaelp.configuration import loading
from gaelp.configuration.loading import ConfigurationErrors
from gaelp.domain.config.run_sections import Remote
from gaelp.market.streams import stream
from gaelp.records.content_store import ContentStore
from tests.support.markets import observation

SEEN = observation(2, 3, 4)
GOOD = {"decision": {"bid_micros": [[5, 6, 7]] * 2, "creative_prob": [[[0.25] * 4] * 3] * 2}}
SPREAD = json.dumps(GOOD).encode()
Answer = Callable[[BaseHTTPRequestHandler], None]


def says(body: bytes | dict[str, Any], status: int = 200, **headers: str) -> Answer:
    """An answer with this body."""

    def answer(to: BaseHTTPRequestHandler) -> None:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        to.send_response(status)
        for name, value in {"Content-Length": str(len(data)), **headers}.items():
            to.send_header(name.replace("_", "-"), value)
        to.end_headers()
        to.wfile.write(data)

    return answer


class Scripted(ThreadingHTTPServer):
    """Answers as it is told, and keeps what it was asked."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Act)
        self.answer: Answer = says(SPREAD)
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.over = threading.Event()
        self.url = f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A caller that hangs up is no news."""


class _Act(BaseHTTPRequestHandler):
    server: Scripted

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.asked.append((self.path, json.loads(body)))
        self.server.answer(self)

    def log_message(self, *_: object) -> None:
        """Silent."""


@pytest.fixture
def server() -> Iterator[Scripted]:
    with Scripted() as made:
        threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield made
        made.over.set()
        made.shutdown()


@pytest.fixture(scope="module")
def caller() -> Caller:
    return Caller()


@pytest.fixture
def connect(server: Scripted, caller: Caller, tmp_path: Path) -> Callable[..., RemoteAgent]:
    """Agents connected to the server, over one store."""
    store = ContentStore(str(tmp_path / "store"))

    def connected(
        place: str = "simulation/train/0/3", step: int = 0, activity: str = "", **settings: Any
    ) -> RemoteAgent:
        return RemoteAgent(
            RemoteConnection(Remote(**{"url": server.url, **settings}), store, caller, place, step, activity)
        )

    return connected


def ask(agent: RemoteAgent, seed: int = 1, memory: Any = None, rounds: int = 0) -> tuple[Decision, Any]:
    """One decision on the same observation."""
    state = {"rounds": np.array([rounds])}
    given = agent.initial_memory(2) if memory is None else memory
    return agent.act(state, SEEN, given, stream(seed, "act"))


def test_the_request_names_every_field_with_its_unit(server: Scripted, connect: Callable[..., RemoteAgent]) -> None:
    """An agent of another language sees the whole observation by name, each with unit and axes."""
    ask(connect(step=5), rounds=2)
    ((path, request),) = server.asked
    assert path == "/act"
    assert (request["protocol"], request["agent"], request["rounds"]) == ("gaelp-agent/1", "remote", 2)
    assert request["tick_key"] == "simulation/train/0/3/5"
    assert request["heads"] == ["bid_micros", "creative_prob"]
    for name, array in SEEN.__dict__.items():
        assert np.array_equal(np.array(request["observation"][name]), array), name
    assert set(request["units"]) == {*request["observation"], *request["heads"]}
    assert request["units"]["bid_micros"].endswith("per thousand impressions, 0 = off [C, S]")


def test_the_answer_is_the_decision(connect: Callable[..., RemoteAgent]) -> None:
    """Its heads pass the check that every agent's decision passes, and heads it does not declare stay absent."""
    decision, memory = ask(connect())
    passed = checked(decision, SEEN, "remote", 0)
    assert np.array_equal(passed.bid_micros, [[5, 6, 7]] * 2) and passed.spend_rate is None
    assert memory.shape == (2, MEMORY) and not memory.any()


def test_a_declared_head_is_asked_for(server: Scripted, connect: Callable[..., RemoteAgent]) -> None:
    """remote.heads decides what the agent gives; the rest is left to the incumbent."""
    server.answer = says({"decision": {"spend_rate": [0.5, 1.0]}})
    agent = connect(heads=("spend_rate",))
    decision, _ = ask(agent)
    assert agent.heads == ("spend_rate",)
    assert decision.bid_micros is None and np.array_equal(decision.spend_rate, [0.5, 1.0])


def test_its_memory_travels(server: Scripted, connect: Callable[..., RemoteAgent]) -> None:
    """What an answer carries, filled up with zeros, is in the next request."""
    server.answer = says({**GOOD, "memory": [[1.5], [2]]})
    agent = connect()
    _, memory = ask(agent)
    ask(agent, memory=memory)
    assert memory.tolist() == [[1.5] + [0.0] * 15, [2.0] + [0.0] * 15]
    assert server.asked[1][1]["observation"]["memory"] == memory.tolist()


def test_equal_generators_send_equal_requests(server: Scripted, connect: Callable[..., RemoteAgent]) -> None:
    """The seed is the generator's and nothing else differs, so that the remote agent can be deterministic."""
    server.answer = says(b"", 500)
    for seed in (1, 1, 2):
        with pytest.raises(RemoteError):
            ask(connect(), seed)
    first, again, other = (request for _, request in server.asked)
    assert first == again
    assert other["seed"] != first["seed"] and {**other, "seed": first["seed"]} == first


def test_a_repeated_run_replays_the_answers(server: Scripted, connect: Callable[..., RemoteAgent]) -> None:
    """The same request is never made twice: the first answer stays, with no call and at no cost."""
    first, _ = ask(connect())
    server.answer = says({"decision": {**GOOD["decision"], "bid_micros": [[9, 9, 9]] * 2}})
    again, _ = ask(connect(cost_per_call="5.00", cost_limit="0.00"))
    assert len(server.asked) == 1
    assert np.array_equal(first.bid_micros, again.bid_micros)


def test_another_question_is_asked_anew(server: Scripted, connect: Callable[..., RemoteAgent]) -> None:
    """Another seed, step, place, round or address is another request."""
    ask(connect())
    for agent, seed, rounds in (
        (connect(), 2, 0),
        (connect(step=1), 1, 0),
        (connect("live-test/0"), 1, 0),
        (connect(), 1, 1),
        (connect(url=f"{server.url}/second/"), 1, 0),
    ):
        ask(agent, seed, rounds=rounds)
    assert [path for path, _ in server.asked] == ["/act"] * 5 + ["/second/act"]


def test_a_bad_answer_is_not_recorded(server: Scripted, connect: Callable[..., RemoteAgent]) -> None:
    """The next attempt asks again."""
    server.answer = says(b"not yet")
    with pytest.raises(RemoteError):
        ask(connect())
    server.answer = says(SPREAD)
    assert ask(connect())[0].bid_micros is not None


HTML = b"<!doctype html><title>Welcome</title>"
BAD: dict[str, tuple[Answer, type[RemoteError], str]] = {
    "500": (says(b"boom", 500), RemoteError, r"answered with HTTP 500 \('boom'\): its own log says why"),
    "429": (says(b"slower", 429), RemoteError, "HTTP 429"),
    "404": (says(b"", 404), RemoteRefused, "HTTP 404 .*remote.url must be the address before /act"),
    "redirect": (says(b"", 307, Location="http://192.0.2.1/act"), RemoteRefused, "redirects to .*: set remote.url"),
    "html": (says(HTML, Content_Type="text/html"), RemoteError, "answered '<!doctype html>.*not strict JSON"),
    "nothing": (says(b""), RemoteError, "not strict JSON"),
    "NaN memory": (says(b'{"memory": [[NaN], [0]], ' + SPREAD[1:]), RemoteError, "memory that is not 2 rows"),
    "twice": (says(b'{"decision": {}, "decision": {}}'), RemoteError, "stands twice"),
    "deep": (says(b"[" * 100_000), RemoteError, "not strict JSON"),
    "not utf-8": (says(b'{"decision": "\xff"}'), RemoteError, "not strict JSON"),
    "compressed": (says(gzip.compress(SPREAD), Content_Encoding="gzip"), RemoteError, "not strict JSON"),
    "a list": (says(b"[1]"), RemoteError, r"answered '\[1\]': it must answer \{\"decision\": \{bid_micros"),
    "more": (says({**GOOD, "thoughts": "hm"}), RemoteError, "it must answer"),
    "no head": (says({"decision": {"bid_micros": [[1] * 3] * 2}}), RemoteError, "decided 'bid_micros' where remote"),
    "misspelt": (says({"decision": {"bids": []}}), RemoteError, "decided 'bids' where remote.heads names bid_micros"),
    "memory": (says({**GOOD, "memory": [[1] * 17] * 2}), RemoteError, "memory that is not 2 rows"),
    "memory rows": (says({**GOOD, "memory": [[1]]}), RemoteError, "memory that is not 2 rows"),
    "memory text": (says({**GOOD, "memory": [["a"], ["b"]]}), RemoteError, "memory that is not 2 rows"),
    "no unicode": (says(SPREAD.replace(b"5,", b'"\\ud800",', 1)), RemoteError, "text that is not Unicode"),
    "a memory of nothing": (says({**GOOD, "memory": {}}), RemoteError, "memory that is not 2 rows"),
    "cut": (says(b"{", Content_Length="9"), RemoteError, "broke off"),
}  # fmt: skip


@pytest.mark.parametrize("number", [b"NaN", b"Infinity", b"-1e999", b"null"])
def test_a_number_that_is_none_fails_its_campaign_only(
    server: Scripted, connect: Callable[..., RemoteAgent], number: bytes
) -> None:
    """However a language writes it, its episode fails with the agent's name and the step; the others go on."""
    server.answer = says(SPREAD.replace(b"5,", number + b",", 1))
    decision, _ = ask(connect())
    kept, failures = screened(decision, SEEN, "remote", 7)
    assert failures == {0: "agent 'remote' at step 7: bid_micros has a NaN or an infinite number"}
    assert kept.bid_micros is not None and not kept.bid_micros[0].any() and kept.bid_micros[1].all()


@pytest.mark.parametrize("which", BAD)
def test_a_bad_answer_gets_one_sentence(server: Scripted, connect: Callable[..., RemoteAgent], which: str) -> None:
    """It names the address, the step and the remedy; only what no retry can mend is refused for good."""
    server.answer, kind, said = BAD[which]
    with pytest.raises(RemoteError, match=said) as failure:
        ask(connect(step=4, timeout_seconds=2))
    assert type(failure.value) is kind
    assert f"the agent at {server.url}, asked at step 4 of simulation/train/0/3," in str(failure.value)
    assert "\n" not in str(failure.value) and len(server.asked) == 1


def test_a_slow_answer_is_cut_off_in_total(server: Scripted, connect: Callable[..., RemoteAgent]) -> None:
    """A good answer that drips for a second is late, however fast its single bytes follow one another."""

    def drip(to: BaseHTTPRequestHandler) -> None:
        to.wfile.write(b"HTTP/1.0 200 OK\r\nX-Drip: ")
        for _ in range(50):
            server.over.wait(0.02)
            to.wfile.write(b"x")
        to.wfile.write(b"\r\n\r\n" + SPREAD)

    server.answer = drip
    with pytest.raises(RemoteError, match=r"did not answer within 0.2 seconds: .*remote.timeout_seconds"):
        ask(connect(timeout_seconds=0.2))


def test_an_endless_answer_is_cut_off(
    server: Scripted, connect: Callable[..., RemoteAgent], monkeypatch: pytest.MonkeyPatch
) -> None:
    """More than the most that an answer may hold is never kept in memory."""
    monkeypatch.setattr(remote_call, "LARGEST_ANSWER", 100)
    with pytest.raises(RemoteError, match="more than 100 bytes"):
        ask(connect())


def test_a_server_that_is_not_there_is_named(connect: Callable[..., RemoteAgent]) -> None:
    """A closed port gets the remedy, and may be tried again."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{held.getsockname()[1]}"
        with pytest.raises(RemoteError, match=f"the agent at {url}, .*cannot be reached.*: start it, or correct"):
            ask(connect(url=url))


@pytest.mark.parametrize("url", ["http://[::bad", "http://127.0.0.1:99999999", "http://:80", "https://\u2126..x"])
def test_an_impossible_address_is_refused(connect: Callable[..., RemoteAgent], url: str) -> None:
    """What the pattern lets through and is no address ends in a sentence too."""
    with pytest.raises(RemoteError, match=r"remote\.url"):
        ask(connect(url=url))


def test_a_proxy_of_this_machine_is_not_used(
    server: Scripted, connect: Callable[..., RemoteAgent], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The environment cannot lead the call elsewhere."""
    monkeypatch.setenv("HTTP_PROXY", "http://192.0.2.1:3128")
    monkeypatch.setenv("ALL_PROXY", "http://192.0.2.1:3128")
    fresh = connect()
    assert fresh._connection is not None
    ask(RemoteAgent(RemoteConnection(fresh._connection.settings, fresh._connection.recordings, Caller())))
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    ("spoiled", "said"),
    [
        ({"bid_micros": [[5, 6]] * 2}, r"bid_micros has shape \(2, 2\), the observation needs \(2, 3\)"),
        ({"bid_micros": [[5, 6, 7], [5]]}, "bid_micros is not numeric"),
        ({"bid_micros": [["5", "6", "7"]] * 2}, "bid_micros is not numeric"),
        ({"bid_micros": None}, "bid_micros"),
        ({"bid_micros": [[5, 6, -7]] * 2}, "bid_micros has a negative number, -7"),
        ({"bid_micros": [[5, 6, 10**400]] * 2}, "bid_micros"),
        ({"creative_prob": [[[0.225] * 4] * 3] * 2}, "creative_prob sums to 0.9 over the candidates, not to 1"),
        ({"creative_prob": {"a": 1}}, "creative_prob is not numeric"),
    ],
)
def test_a_bad_decision_is_the_episodes(
    server: Scripted, connect: Callable[..., RemoteAgent], spoiled: dict[str, Any], said: str
) -> None:
    """A well-formed answer with an impossible decision reaches the check, which names agent and step."""
    server.answer = says({"decision": {**GOOD["decision"], **spoiled}})
    decision, _ = ask(connect())
    with pytest.raises(InvalidDecision, match=f"agent 'remote' at step 7: {said}"):
        checked(decision, SEEN, "remote", 7)
    assert 1 in screened(decision, SEEN, "remote", 7)[1]


def test_no_more_calls_than_the_cost_limit_allows(server: Scripted, connect: Callable[..., RemoteAgent]) -> None:
    """The call that would exceed it is not made, and a retry cannot mend it."""
    agent = connect(cost_per_call="0.40", cost_limit="1.00")
    ask(agent), ask(agent)
    with pytest.raises(
        RemoteRefused, match=r"called 2 times at 0.40 .*remote.cost_limit \(1.00\): raise it"
    ) as refused:
        ask(agent)
    assert "asked at step 2" in str(refused.value) and len(server.asked) == 2


def attempt(connect: Callable[..., RemoteAgent], activity: str) -> str:
    """One attempt of a long batch: why it ended."""
    agent = connect(activity=activity, cost_per_call="1.00", cost_limit="10.00")
    with pytest.raises(RemoteError) as failed:
        for _ in range(20):
            ask(agent)
    return str(failed.value)


def test_all_attempts_of_an_activity_share_its_limit(server: Scripted, connect: Callable[..., RemoteAgent]) -> None:
    """Calls of earlier attempts count, those without an answer too; another activity begins at zero."""

    def answer(to: BaseHTTPRequestHandler) -> None:
        says(SPREAD, 500 if len(server.asked) % 4 == 0 else 200)(to)

    server.answer = answer
    ends = [attempt(connect, "batch") for _ in range(4)]
    assert ["HTTP 500" in end for end in ends] == [True, True, False, False] and len(server.asked) == 10
    assert all("has been called 10 times at 1.00 (earlier attempts and replays included)" in end for end in ends[2:])
    assert "HTTP 500" in attempt(connect, "again") and len(server.asked) == 12  # eight replayed, two asked


def test_replays_count_and_are_never_refused(server: Scripted, connect: Callable[..., RemoteAgent]) -> None:
    """What is recorded is replayed beyond the limit, and no new call is made after it."""
    for step in range(3):
        ask(connect(step=step))
    agent = connect(cost_per_call="1.00", cost_limit="2.00")
    for _ in range(3):
        ask(agent)
    with pytest.raises(RemoteRefused, match="called 3 times"):
        ask(agent)
    assert len(server.asked) == 3


def test_learning_counts_rounds_and_sends_nothing(server: Scripted, connect: Callable[..., RemoteAgent]) -> None:
    """The protocol has no /learn: trajectories stay here, unread."""
    agent = connect()
    state = agent.initial_state(WorldShape(3, 4, 2, 3), stream(1, "s"))
    assert agent.learn(agent.learn(state, []), [])["rounds"].tolist() == [2]
    assert not server.asked


def test_an_unconnected_agent_says_what_is_missing() -> None:
    """The entry point's own object lists its heads, and refuses to decide."""
    agent = load_agent("remote")
    assert agent.heads == ("bid_micros", "creative_prob")
    with pytest.raises(RemoteRefused, match=r"no address: set remote\.url"):
        agent.act({"rounds": np.zeros(1, np.int64)}, SEEN, agent.initial_memory(2), stream(1, "a"))


@pytest.mark.parametrize("role", ["agent", "incumbent"])
def test_remote_without_an_address_is_no_configuration(role: str) -> None:
    """`validate` refuses it beside every other error, and takes it with an address."""
    with pytest.raises(ConfigurationErrors, match=f"remote.url.* is not set and {role} is remote") as refused:
        loading.load("quick-test", environment={}, overrides=[f"{role}=remote", "live_test.streak=7"])
    assert len(refused.value.problems) == 2
    config = loading.load(
        "quick-test", environment={}, overrides=[f"{role}=remote", "remote.url=http://127.0.0.1:8099"]
    )
    assert config.remote.url == "http://127.0.0.1:8099"


def test_calls_from_several_threads_do_not_mix(server: Scripted, caller: Caller) -> None:
    """One caller serves all threads of a worker: each gets the answer to its own body."""

    lock = threading.Lock()

    def answer(to: BaseHTTPRequestHandler) -> None:
        says(to.headers["Content-Length"].encode())(to)

    server.answer, got = answer, {}

    def one(number: int) -> None:
        body = json.dumps("x" * number).encode()
        found = caller(f"{server.url}/act", body, 5.0)
        with lock:
            got[len(body)] = int(found)

    threads = [threading.Thread(target=one, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(got) == 8 and all(sent == found for sent, found in got.items())


def test_a_failed_call_says_whether_it_may_be_repeated(server: Scripted, caller: Caller) -> None:
    """A refusal is permanent, an outage is not."""
    for status, permanent in ((400, True), (408, False), (503, False)):
        server.answer = says(b"", status)
        with pytest.raises(CallFailed) as failed:
            caller(f"{server.url}/act", b"{}", 5.0)
        assert failed.value.permanent is permanent
