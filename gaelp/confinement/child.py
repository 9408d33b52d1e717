"""The program of the child process in which foreign code runs: confines itself, then answers one request at a time.

Started by gaelp/confinement/confined_process.py as a script in an isolated interpreter without site-packages: those
come, with whatever their .pth files do, only after the kernel's rules are in force. Touch this when the order of these
steps changes; what can be asked of it is in served_requests.py.
"""

from __future__ import annotations

import os
import select
import socket
import sys
from typing import Any

SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def main(descriptor: int) -> None:
    """Read the rules, confine this process, and serve until the other side closes the pipe."""
    sys.path.append(SOURCE)
    from gaelp.confinement.kernel_rules import AllowedPath, confine

    connection = socket.socket(fileno=descriptor)
    rules = _rules(connection)
    confine([AllowedPath(*place) for place in rules["places"]], rules["memory"], reserves=rules["reserves"])
    sys.path[:] = rules["path"]
    _site_packages(rules["path"])

    def wait(writing: bool) -> None:
        """A request may be a long time coming."""
        poll = select.poll()
        poll.register(connection, select.POLLOUT if writing else select.POLLIN)
        poll.poll()

    from gaelp.confinement.frames import Closed, Pipe
    from gaelp.confinement.served_requests import serve

    try:
        serve(Pipe(connection, wait))
    except Closed:
        return


def _rules(connection: socket.socket) -> dict[str, Any]:
    """The first message: JSON of a length that stands before it. No numpy yet: it may start threads."""
    import json

    with connection.makefile("rb") as stream:  # nothing follows before it is answered, so reading ahead loses nothing
        rules: dict[str, Any] = json.loads(stream.read(int(stream.readline())))
    return rules


def _site_packages(path: list[str]) -> None:
    """What installed packages do at the start of every interpreter, such as finding editable ones."""
    import site

    for folder in path:
        if os.path.basename(folder) in ("site-packages", "dist-packages"):
            site.addsitedir(folder, set(path))


if __name__ == "__main__":
    main(int(sys.argv[1]))
