"""In which order `make test` runs what, and in which process: `pytest -n` asks for it in tests/conftest.py.

A folder whose tests share services is run by one process, so that its services are started once and not in every
process; the folders that take longest begin first. Whatever else there is follows file by file. Touch this when a
folder of tests gains services, or has become one of the longest.
"""

from __future__ import annotations

from xdist.scheduler import LoadFileScheduling
from xdist.workermanage import WorkerController

FIRST = ("tests/e2e", "tests/workflows", "tests/activities", "tests/hostile", "tests/scripts")


class FoldersFirst(LoadFileScheduling):
    """The files of these folders stay together and begin first, in this order; other files by their number of tests."""

    def _split_scope(self, nodeid: str) -> str:
        file = super()._split_scope(nodeid)
        return next((folder for folder in FIRST if file.startswith(f"{folder}/")), file)

    def _assign_work_unit(self, node: WorkerController) -> None:
        waiting = next((folder for folder in FIRST if folder in self.workqueue), None)
        if waiting is not None:
            self.workqueue.move_to_end(waiting, last=False)
        super()._assign_work_unit(node)
