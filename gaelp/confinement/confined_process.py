"""A child process for foreign code, as the process that asks it sees it: started, asked, bounded in time, ended.

Touch this when a child is left behind, or when one that misbehaves takes somebody else with it.
"""

from __future__ import annotations

import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import weakref
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import IO, Any

from gaelp.agents.agent_failures import BrokenVerb
from gaelp.arrays import Array
from gaelp.confinement import confined_places, kernel_rules, limits
from gaelp.confinement.frames import Arrays, BrokenFrame, Closed, Head, Pipe
from gaelp.errors import GaelpError

SCRIPT = Path(__file__).with_name("child.py")
SCRATCH = "gaelp-agent-"  # then the process id of whoever started the child
START_SECONDS, LOOK_SECONDS = 60.0, 0.5
# Of our environment the child gets these and no others.
KEPT: tuple[str, ...] = ("LANG", "LC_ALL", "TZ", "LD_LIBRARY_PATH", "CUDA_VISIBLE_DEVICES", "NVIDIA_VISIBLE_DEVICES")
KEPT += ("HIP_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES")
ONE_THREAD = {name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")}
# The kernel ends a child when the thread that started it ends: this one lasts as long as the process.
_STARTER = ThreadPoolExecutor(1, thread_name_prefix="confined")
Serve = Callable[[int], Mapping[str, Array]]


class ConfinedProcess:
    """One child. Every failure of a call ends it and raises BrokenVerb, whose text is the end of a sentence.

    `about` names what runs in it, for the log.
    """

    def __init__(self, about: str) -> None:
        self._deadline = self._looked = 0.0
        _sweep()
        self._scratch = Path(tempfile.mkdtemp(prefix=f"{SCRATCH}{os.getpid()}-"))
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = _STARTER.submit(self._started, theirs).result()
        self._connection, self._pipe = ours, Pipe(ours, self._wait)
        self._end = weakref.finalize(self, _end, self._process, ours, self._scratch)  # at exit too
        output = self._process.stdout
        assert output is not None
        threading.Thread(target=_tell, args=(about, output), name="confined-output", daemon=True).start()
        if kernel_rules.lacking():
            _log().warning("not confined", about=about, why=kernel_rules.lacking())
        self._give_rules()

    def ask(
        self,
        head: Head,
        arrays: Mapping[str, Array] | None = None,
        *,
        seconds: float,
        most: int = limits.LARGEST_ANSWER,
        serve: Serve | None = None,
    ) -> tuple[Head, Arrays]:
        """The answer, whose arrays have at most `most` bytes. `serve` gives what the child reads by number.

        An error of `serve` ends the child and is raised as it is.
        """
        with self._bounded(seconds):
            self._pipe.send(head, arrays)
            answer, given = self._pipe.receive(most)
            while serve is not None and type(answer.get("read")) is int:
                self._in_time()
                self._pipe.send({}, serve(answer["read"]))
                answer, given = self._pipe.receive(most)
            self._in_time()
        return answer, given

    def tell(self, head: Head, arrays: Mapping[str, Array], *, seconds: float) -> None:
        """Send something that has no answer."""
        with self._bounded(seconds):
            self._pipe.send(head, arrays)

    @property
    def alive(self) -> bool:
        """Whether it still runs."""
        return self._process.poll() is None

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def close(self) -> None:
        """End it, and delete what it wrote."""
        self._end()

    # ------------------------------------------------------------

    @contextmanager
    def _bounded(self, seconds: float) -> Iterator[None]:
        """What goes wrong inside ends the child."""
        self._deadline = time.monotonic() + seconds
        try:
            yield
        except Closed as error:
            raise BrokenVerb(self._ended()) from error
        except BaseException as error:  # a cancellation too: nobody would read the answer
            self.close()
            if isinstance(error, BrokenFrame):
                raise BrokenVerb(f"answered with {error}: its process was ended") from error
            if isinstance(error, _Late):
                raise BrokenVerb(f"did not answer within {seconds:.0f} seconds: its process was ended") from error
            raise

    def _started(self, connection: socket.socket) -> subprocess.Popen[bytes]:
        scratch = str(self._scratch)
        environment = {name: os.environ[name] for name in KEPT if name in os.environ}
        return subprocess.Popen(
            [sys.executable, "-I", "-S", "-B", str(SCRIPT), str(connection.fileno())],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=scratch,
            env={**environment, **ONE_THREAD, "PATH": "/usr/bin:/bin", "HOME": scratch, "TMPDIR": scratch},
            pass_fds=(connection.fileno(),),
        )

    def _give_rules(self) -> None:
        path = confined_places.import_path()
        rules = {
            "path": path,
            "places": [[place.path, place.rights] for place in confined_places.places(path, self._scratch)],
            "memory": limits.memory_bytes(),
            "reserves": bool(confined_places.accelerators()),
        }
        text = json.dumps(rules).encode()
        with self._bounded(START_SECONDS):
            self._connection.setblocking(True)
            try:
                self._connection.sendall(b"%d\n" % len(text) + text)
            except OSError as error:
                raise Closed("the other side has ended") from error
            self._connection.setblocking(False)
            self._pipe.receive(0)

    def _wait(self, writing: bool) -> None:
        """Wait for the child, and look at what it uses meanwhile. Raises _Late, BrokenVerb."""
        poll = select.poll()
        poll.register(self._connection, select.POLLOUT if writing else select.POLLIN)
        # Short waits: Temporal cancels an activity's thread only between two steps of Python.
        while not poll.poll(LOOK_SECONDS * 1000):
            self._in_time()
        self._in_time()  # one that answers a byte at a time is late too

    def _in_time(self) -> None:
        """Look at the child now and then. Raises _Late where its time is over, BrokenVerb where it uses too much."""
        now = time.monotonic()
        if now > self._deadline:
            raise _Late
        if now - self._looked > LOOK_SECONDS:
            self._looked = now
            self._look()

    def _look(self) -> None:
        """Landlock and resource limits bound neither threads nor a folder's size."""
        with suppress(OSError, IndexError, ValueError):
            status = Path(f"/proc/{self.pid}/status").read_text()
            threads = int(status.split("Threads:", 1)[1].split(None, 1)[0])
            if threads > limits.MOST_THREADS:
                raise BrokenVerb(f"started {threads} threads, above {limits.MOST_THREADS}: its process was ended")
        size, files = _used(self._scratch)
        if size > limits.LARGEST_SCRATCH or files > limits.MOST_FILES:
            most = f"{limits.LARGEST_SCRATCH} bytes or {limits.MOST_FILES} files"
            raise BrokenVerb(f"wrote {size} bytes in {files} files, above {most}: its process was ended")

    def _ended(self) -> str:
        """How it ended, as the end of a sentence."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(1)  # it has closed the pipe, and may be about to end
        code = self._process.poll()
        self.close()
        if code is None:
            return "closed its pipe: its process was ended"
        if code < 0:
            return f"ended its own process by signal {-code} ({signal.strsignal(-code)})"
        return f"ended its own process with exit code {code}"


class _Late(GaelpError):
    """The time of a call is over."""


def _end(process: subprocess.Popen[bytes], connection: socket.socket, scratch: Path) -> None:
    process.kill()
    process.wait()
    connection.close()
    _delete(scratch)


def _delete(scratch: Path) -> None:
    with suppress(RecursionError):  # folders in folders, a thousand deep
        shutil.rmtree(scratch, ignore_errors=True)


@cache
def _sweep() -> None:
    """Delete what children of a process that was killed have left; once in each process."""
    for left in Path(tempfile.gettempdir()).glob(f"{SCRATCH}*"):
        owner = left.name.removeprefix(SCRATCH).partition("-")[0]
        if owner.isdigit() and not _runs(int(owner)):
            _delete(left)


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # another user's
        return True
    return True


def _log() -> Any:
    import structlog  # and rich with it: a command that only asks what an agent is has nothing to log

    return structlog.get_logger(__name__)


def _tell(about: str, output: IO[bytes]) -> None:
    """What the child prints goes to the log, shortened and without what a terminal would obey."""
    for number, line in enumerate(iter(lambda: output.readline(limits.LONGEST_LINE), b"")):
        if number < limits.MOST_LINES:
            _log().info("printed", about=about, text=ascii(line.rstrip().decode(errors="replace"))[1:-1])
    output.close()


def _used(folder: Path) -> tuple[int, int]:
    """(bytes, files and folders) below; what vanishes meanwhile does not count, nor what is above the most allowed."""
    size = count = 0
    for root, folders, files in os.walk(folder):
        count += len(files) + len(folders)
        for file in files[: limits.MOST_FILES]:
            with suppress(OSError):
                size += os.lstat(os.path.join(root, file)).st_blocks * 512
        if count > limits.MOST_FILES:
            break
    return size, count
