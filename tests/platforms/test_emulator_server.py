"""The emulator as a process: faults, crashes, clients in parallel, its token and its file."""

from __future__ import annotations

import signal
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from gaelp.platforms.emulator.__main__ import main
from gaelp.platforms.emulator.campaign_store import Store, StoreInUse
from gaelp.platforms.emulator.client import EmulatorPlatform
from gaelp.platforms.protocol import OutcomeUnknown, PlatformError
from tests.support.emulators import HTTP, START, TOKEN, Server, busy_market, free_port, make_spec, market

Launch = Callable[..., Server]
LATER = START + timedelta(days=3)


@pytest.fixture
def account(request: pytest.FixtureRequest, server: Server) -> Any:
    """An account of this test's own; faults that it leaves behind are cleared."""
    yield request.node.name
    server.control("DELETE", "/faults")


def fault(server: Server, account: str, verb: str, kind: str, **more: float) -> None:
    server.control("POST", "/faults", json={"verb": verb, "kind": kind, "account": account, **more})


@pytest.mark.parametrize("kind", ["hang-after", "error-after"])
def test_a_create_that_is_not_answered_may_have_happened(server: Server, account: str, kind: str) -> None:
    """Timeout or 500 after the effect raises OutcomeUnknown, and find shows the campaign, paused."""
    fault(server, account, "create", kind, seconds=3)
    with pytest.raises(OutcomeUnknown) as raised:
        server.platform(timeout_seconds=0.5).create_paused(make_spec("one", account), START)
    assert not raised.value.permanent
    found = server.platform().find(account, "one")
    assert found is not None and not found.enabled


@pytest.mark.parametrize("kind", ["hang-before", "error-before"])
def test_a_create_that_failed_before_its_effect_leaves_nothing(server: Server, account: str, kind: str) -> None:
    """The client cannot tell, so it says unknown; the platform has no campaign, and a second try creates it."""
    fault(server, account, "create", kind, seconds=1)
    with pytest.raises(OutcomeUnknown):
        server.platform(timeout_seconds=0.5).create_paused(make_spec("one", account), START)
    assert server.platform().find(account, "one") is None
    assert server.platform().create_paused(make_spec("one", account), START).external_name == "one"


def test_a_failed_read_is_no_unknown_outcome(server: Server, account: str) -> None:
    """A read that fails may be tried again: it is neither permanent nor of unknown outcome."""
    fault(server, account, "list", "error-before")
    with pytest.raises(PlatformError) as raised:
        server.platform().campaigns(account)
    assert not raised.value.permanent and not isinstance(raised.value, OutcomeUnknown)
    assert server.platform().campaigns(account) == ()


def test_a_hanging_call_blocks_nobody_else(server: Server, account: str) -> None:
    """While one client's call hangs, another client's calls are answered."""
    platform = server.platform()
    created = platform.create_paused(make_spec("one", account), START)
    fault(server, account, "enable", "hang-after", seconds=2)
    with ThreadPoolExecutor(1) as pool:
        hanging = pool.submit(server.platform(1.5).enable, account, created.platform_id, START)
        while not platform.campaigns(account)[0].enabled:
            assert not hanging.done()
        platform.pause(account, created.platform_id, None)
        assert not hanging.done()
        assert isinstance(hanging.exception(timeout=5), OutcomeUnknown)
    assert not platform.campaigns(account)[0].enabled


def test_a_fault_holds_for_its_number_of_calls(server: Server, account: str) -> None:
    """Two faulty calls, and the third succeeds."""
    fault(server, account, "any", "error-before", calls=2)
    for _ in range(2):
        with pytest.raises(PlatformError):
            server.platform().campaigns(account)
    assert server.platform().campaigns(account) == ()


def test_of_two_clients_creating_one_name_exactly_one_succeeds(server: Server, account: str) -> None:
    """Sixteen creates of the same name at once leave one campaign and fifteen permanent refusals."""
    gate = threading.Barrier(16)

    def create(_: int) -> bool:
        platform = server.platform()
        gate.wait()
        try:
            platform.create_paused(make_spec("same", account), START)
        except PlatformError as error:
            assert error.permanent and "already has a campaign named 'same'" in str(error)
            return False
        return True

    with ThreadPoolExecutor(16) as pool:
        assert sum(pool.map(create, range(16))) == 1
    assert len(server.platform().campaigns(account)) == 1


def test_kill_9_loses_nothing_acknowledged(launch: Launch, server: Server, tmp_path: Path, account: str) -> None:
    """Killed amid a stream of writes and started again, the server has all it had answered, and goes on alike."""
    killed = launch(tmp_path / "killed.db")
    answered: list[str] = []
    enough = threading.Event()

    def create_many() -> None:
        platform = killed.platform()
        for index in range(10_000):
            try:
                answered.append(platform.create_paused(make_spec(f"many-{index}", account), START).external_name)
            except PlatformError:
                return
            if index == 20:
                enough.set()

    run = killed.platform(), server.platform()
    for platform in run:
        platform.open_world(account, market())
        created = platform.create_paused(make_spec("one", account), START)
        platform.enable(account, created.platform_id, START)
        platform.set_budget(account, created.platform_id, 31_000_000, START + timedelta(hours=30))
    writer = threading.Thread(target=create_many)
    writer.start()
    assert enough.wait(60)
    killed.process.send_signal(signal.SIGKILL)
    killed.process.wait(10)
    writer.join(60)
    again = launch(tmp_path / "killed.db").platform()
    names = {state.external_name for state in again.campaigns(account)}
    assert {"one", *answered} <= names and len(names) <= len(answered) + 2
    kept, alike = again.find(account, "one"), run[1].find(account, "one")
    assert kept is not None and alike is not None and kept.daily_budget_micros == 31_000_000
    report, expected = again.report(account, kept.platform_id, LATER), run[1].report(account, alike.platform_id, LATER)
    assert report.days == expected.days and report.cells == expected.cells


def test_a_conversion_factor_divides_conversions(launch: Launch, server: Server, tmp_path: Path, account: str) -> None:
    """Under --conversion-factor 0.3333 a campaign has the same clicks and about a third of the conversions."""
    third = launch(tmp_path / "third.db", "--conversion-factor", "0.3333")
    days = []
    for platform in (server.platform(), third.platform()):
        platform.open_world(account, busy_market())
        spec = make_spec("one", account, end_at=START + timedelta(days=12))
        created = platform.create_paused(spec, START)
        platform.enable(account, created.platform_id, START)
        days.append(platform.report(account, created.platform_id, START + timedelta(days=30)).days)
    full, less = (sum(day.conversions for day in run) for run in days)
    assert [day.clicks for day in days[0]] == [day.clicks for day in days[1]]
    assert full > 1000
    assert 0.29 < less / full < 0.38


def test_a_conversion_factor_set_later_changes_no_earlier_hour(server: Server, account: str) -> None:
    """Conversions stop from the instant reached when the factor is set to nought; what was earned stays."""
    platform = server.platform()
    platform.open_world(account, busy_market())
    created = platform.create_paused(make_spec("one", account), START)
    platform.enable(account, created.platform_id, START)
    platform.report(account, created.platform_id, START + timedelta(days=2))
    before = server.truth(account)[0]["conversions"]
    try:
        server.control("PUT", "/conversion-factor", json={"factor": 0})
        platform.report(account, created.platform_id, START + timedelta(days=6))
    finally:
        server.control("PUT", "/conversion-factor", json={"factor": 1})
    after = server.truth(account)[0]
    assert after["conversions"] == before > 0 and after["reached"].startswith("2026-11-08")


def test_pushing_time_forward_ends_leases(server: Server, account: str) -> None:
    """The control endpoint lets a lease end while nobody asks: what is served stops at the lease's end."""
    platform = server.platform()
    spec = make_spec("one", account, end_at=START + timedelta(hours=10))
    created = platform.create_paused(spec, START)
    platform.enable(account, created.platform_id, START)
    server.control("POST", "/advance", json={"at": LATER.isoformat()})
    assert server.truth(account)[0]["hours"] == 10


def test_the_file_shows_what_is_enabled(server: Server, account: str) -> None:
    """The emulator's database can be read from outside while it runs."""
    platform = server.platform()
    created = platform.create_paused(make_spec("one", account), START)
    count = "SELECT count(*) FROM campaigns WHERE enabled = 1 AND account = ?"
    with sqlite3.connect(server.file) as outside:
        assert outside.execute(count, (account,)).fetchone() == (0,)
        platform.enable(account, created.platform_id, START)
        assert outside.execute(count, (account,)).fetchone() == (1,)


def test_a_server_that_is_not_there_is_named_with_its_remedy() -> None:
    """One sentence with the address and how to start it; nothing was sent, so no outcome is unknown."""
    port = free_port()
    platform = EmulatorPlatform(f"http://127.0.0.1:{port}", TOKEN)
    with pytest.raises(PlatformError, match=rf"127\.0\.0\.1:{port}: start it with `python -m") as raised:
        platform.create_paused(make_spec("one"), START)
    assert not raised.value.permanent and not isinstance(raised.value, OutcomeUnknown)


@pytest.mark.parametrize(("status", "body"), [(201, "<html>"), (200, ""), (201, '{"platform_id": "1"}'), (408, "{}")])
def test_a_create_that_is_answered_beyond_reading_may_have_happened(status: int, body: str) -> None:
    """Whatever stands before the platform may cut an answer short: then the campaign is not taken for never created."""

    class Gateway(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, format: str, *arguments: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Gateway) as gateway:
        threading.Thread(target=gateway.serve_forever, daemon=True).start()
        platform = EmulatorPlatform(f"http://127.0.0.1:{gateway.server_address[1]}", TOKEN)
        with pytest.raises(OutcomeUnknown):
            platform.create_paused(make_spec("belated"), START)
        platform.close()
        gateway.shutdown()


def test_a_wrong_token_is_refused_without_repeating_it(server: Server) -> None:
    """Every route but /healthz wants the token, and no message shows one."""
    with pytest.raises(PlatformError, match="token is missing or wrong") as raised:
        EmulatorPlatform(server.url, "guess-42").campaigns("acme")
    assert raised.value.permanent and "guess-42" not in str(raised.value)
    assert HTTP.get(f"{server.url}/control/campaigns").status_code == 401
    assert HTTP.get(f"{server.url}/healthz").json() == {"status": "ok"}


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "said"),
    [
        ("POST", "/accounts/a/campaigns", "{", 422, "Refused: body"),
        ("GET", "/accounts/a/campaigns/1/report?at=2026-11-02T00:00:00", "", 422, "at"),
        ("GET", "/accounts/a/campaigns/99999999999999999999/report?at=2026-11-02T00:00:00Z", "", 404, "no campaign"),
        ("PUT", "/accounts/a/campaigns/1/status", '{"enabled": true, "at": null}', 422, "only a pause"),
        ("POST", "/control/faults", '{"verb": "dance", "kind": "slow"}', 422, "body.verb"),
        ("GET", "/nowhere", "", 404, "No such call"),
    ],
)
def test_every_error_is_json(server: Server, method: str, path: str, body: str, status: int, said: str) -> None:
    """A bad call is answered with {code, message} and no traceback."""
    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
    answer = HTTP.request(method, server.url + path, content=body, headers=headers)
    assert answer.status_code == status
    assert set(answer.json()) == {"code", "message"} and said in answer.json()["message"]
    assert "Traceback" not in answer.text


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"creative_prob": ((0.5, 0.5, 0.5),) * 4}, "segment 0 are not shares"),
        ({"creative_prob": ((float("nan"), 0.5, 0.5),) * 4}, "segment 0 are not shares"),
        ({"bid_micros": (-1, 1, 1, 1)}, "greater than or equal to 0"),
        ({"daily_budget_micros": 0}, "greater than 0"),
    ],
)
def test_a_write_that_makes_no_sense_is_never_sent(server: Server, account: str, changes: Any, said: str) -> None:
    """Budgets, bids and shares that no platform would take are refused for good, and nothing is created."""
    with pytest.raises(PlatformError, match=said) as raised:
        server.platform().create_paused(make_spec("one", account, **changes), START)
    assert raised.value.permanent
    assert server.platform().campaigns(account) == ()


def test_a_second_server_on_a_file_is_refused(
    server: Server, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It ends with 2 and one sentence that names the file, and the first goes on."""
    monkeypatch.setattr("sys.argv", ["x", "--db", server.file, "--seed", "3"])
    assert main() == 2
    assert f"{server.file} is in use" in capsys.readouterr().err
    assert HTTP.get(f"{server.url}/healthz").is_success


def test_an_over_delivery_that_no_platform_has_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """The emulator never bills more than twice a budget, whatever it is asked."""
    monkeypatch.setattr("sys.argv", ["x", "--db", str(tmp_path / "x.db"), "--seed", "3", "--overdelivery", "3"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert "3 is not between 1 and 2" in capsys.readouterr().err


def test_a_file_of_another_seed_is_refused(launch: Launch, tmp_path: Path) -> None:
    """Outcomes of two seeds are never mixed in one file."""
    Store(tmp_path / "one.db", 1).close()
    with pytest.raises(StoreInUse, match="made with --seed 1"):
        Store(tmp_path / "one.db", 2)
    Store(tmp_path / "one.db", 1).close()


def test_a_file_of_another_version_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    """A file that an older emulator made is refused with a sentence that names it, and nothing is written to it."""
    path = tmp_path / "emulator.db"
    with closing(sqlite3.connect(path)) as old:
        old.execute("CREATE TABLE campaigns (id INTEGER PRIMARY KEY)")
    with pytest.raises(StoreInUse, match=r"emulator\.db was made by another version"):
        Store(path, seed=1)
    with closing(sqlite3.connect(path)) as old:
        assert old.execute("SELECT name FROM sqlite_master").fetchall() == [("campaigns",)]


def test_an_account_tells_the_sizes_of_its_own_world(server: Server) -> None:
    """Segments and creatives of the uploaded world; an account without one takes any campaign, and says none."""
    platform = server.platform()
    try:
        assert platform.world_sizes("sizes") is None
        platform.open_world("sizes", market())
        assert platform.world_sizes("sizes") == market().ctr.shape
    finally:
        platform.close()
