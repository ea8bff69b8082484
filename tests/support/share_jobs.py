"""Processes that make a map together, and die, wait or run out of disk at points that a test chooses.

They are forked from a server that has imported everything and done nothing, so that each starts at once.
"""

from __future__ import annotations

import multiprocessing
import os
import resource
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from lulcseg.errors import LulcsegError
from lulcseg.mosaic import mapping
from lulcseg.mosaic.map_share import MapShare
from lulcseg.mosaic.strip_store import StripStore
from tests.support.mosaics import ArrayReader, NormalisedUNet, holes, random_image, share_reader
from tests.support.pass_plans import MULTIPLE

SIZE = (131, 101)
LAYERS = ["probabilities", "confidence"]
REQUEST: dict[str, Any] = {"patch": 32, "batch": 5, "outputs": LAYERS, "strip": 16}

_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload([__name__])


def reader() -> ArrayReader:
    return ArrayReader(random_image(*SIZE), holes(*SIZE))


@dataclass
class Job:
    """A process that makes its share."""

    process: Any
    line: Any

    def wait(self) -> None:
        """Wait until it is at its point."""
        assert self._hear() == ("reached", None)

    def go_on(self) -> None:
        """Let it go on from there."""
        self.line.send("go on")

    def finish(self) -> tuple[str, Any]:
        """Wait for its end, and return what became of it.

        Returns:
            ("joined", (patches, samples, strips)), ("left", None), ("failed", sentence) or ("killed", None).
        """
        found = self._hear()
        self.process.join(120)
        assert self.process.exitcode == (-signal.SIGKILL if found[0] == "killed" else 0)
        return found

    def _hear(self) -> tuple[str, Any]:
        assert self.line.poll(120), "nothing is heard of it"
        try:
            found: tuple[str, Any] = self.line.recv()
        except EOFError:
            return "killed", None
        return found


def start(folder: Path, at: str = "", do: str = "", count: int = 1, **changed: Any) -> Job:
    """Start a process.

    Args:
        folder: As in :func:`tests.support.mosaics.map_reader`.
        at: Where something is to happen: ``batch`` (before one is predicted), ``write`` (before a strip is opened),
            ``strip`` (before one is noted as done), ``join`` (before the strips are joined), ``published`` (the map is
            in its place, the folder still there), ``wait`` (for the others).
        do: What: ``kill``, ``pause`` until :meth:`Job.go_on`, or ``full``: from then on no file may grow beyond a
            few hundred bytes, in place of a full disk.
        count: At which time.
        **changed: Changes of the request.
    """
    theirs, ours = _CONTEXT.Pipe()
    process = _CONTEXT.Process(target=_run, args=(folder, at, do, count, changed, theirs), daemon=True)
    process.start()
    theirs.close()
    return Job(process, ours)


def _run(folder: Path, at: str, do: str, count: int, changed: dict[str, Any], line: Any) -> None:
    torch.set_num_threads(1)
    calls = [0]

    def act() -> None:
        calls[0] += 1
        if calls[0] != count:
            return
        if do == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        if do == "full":
            resource.setrlimit(resource.RLIMIT_FSIZE, (500, resource.RLIM_INFINITY))
            return
        line.send(("reached", None))
        line.recv()

    network = NormalisedUNet()
    if at == "batch":
        _before(NormalisedUNet, "__call__", act)
    _hook(at, act)
    try:
        result = share_reader(folder, network, reader(), MULTIPLE, **{**REQUEST, **changed})
    except LulcsegError as error:
        line.send(("failed", str(error)))
        return
    line.send(("left", None) if result is None else ("joined", (result.patches, result.samples, result.strips)))


def _hook(at: str, act: Any) -> None:
    """Let something happen at a point, in this process."""
    if at == "strip":
        _before(StripStore, "mark_done", act)
    elif at == "write":
        _before(StripStore, "strip_grid", act)
    elif at == "join":
        _before(mapping, "join_strips", act)
    elif at == "published":
        _after(StripStore, "publish", act)
    elif at == "wait":
        own = MapShare.__init__

        def init(self: Any, store: Any, worker: Any, shares: int) -> None:
            own(self, store, worker, shares, wait=act)

        MapShare.__init__ = init  # type: ignore[method-assign]


def _before(place: Any, name: str, act: Any) -> None:
    own = getattr(place, name)

    def first(*arguments: Any, **named: Any) -> Any:
        act()
        return own(*arguments, **named)

    setattr(place, name, first)


def _after(place: Any, name: str, act: Any) -> None:
    own = getattr(place, name)

    def then(*arguments: Any, **named: Any) -> Any:
        found = own(*arguments, **named)
        act()
        return found

    setattr(place, name, then)
