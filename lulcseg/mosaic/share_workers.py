"""Which processes are making a map together, and which of them are alive."""

from __future__ import annotations

import json
import os
import secrets
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from lulcseg.files import create_once, read_json, write_json
from lulcseg.locks import has_ended

BEAT = 5.0
"""Seconds between two signs of life."""
SILENCE = 60.0
"""Seconds without a sign of life after which a process counts as dead."""
_WATCHED = 3 * BEAT
"""Seconds that a process long silent by the file system's clock is watched before that is believed."""

_WORKING, _LEFT = "worker_", "left_"


@dataclass(frozen=True)
class WorkerNote:
    """What a process says about itself.

    Attributes:
        host: Name of its machine.
        pid: Its process id there.
        machine: The machine and its boot, by which process ids can be compared.
        device: What it computes on, in words.
        since: When it began, in seconds by the file system's clock.
        patches: Patches predicted so far.
        samples: Forward samples so far.
        forward_seconds: Time in the model so far, in seconds.
    """

    host: str
    pid: int
    machine: str
    device: str
    since: float = 0.0
    patches: int = 0
    samples: int = 0
    forward_seconds: float = 0.0

    @classmethod
    def of_this_process(cls, device: str) -> Self:
        """Return the note of this process."""
        return cls(socket.gethostname(), os.getpid(), _machine(), device)

    @classmethod
    def read(cls, path: Path) -> Self | None:
        """Read a note; None if it isn't there or isn't whole."""
        content = read_json(path)
        known = {field.name for field in fields(cls)}
        return None if content is None or not known <= set(content) else cls(**{key: content[key] for key in known})

    @property
    def name(self) -> str:
        """Host and process id, for people."""
        return f"{self.host}:{self.pid}"

    def has_ended(self) -> bool:
        """Whether it was a process of this machine that is no more; False for those of other machines."""
        return self.machine == _machine() and has_ended(self.pid)


class Pulse:
    """Tells whether files are being touched, whatever the clocks of the machines say.

    A file counts as silent if its time of modification stays the same for :data:`SILENCE` seconds of watching. If it is
    older than that already by the file system's clock, a quarter of the time is enough: a repeated command doesn't wait
    for the jobs of yesterday, and a clock that is ahead kills nobody.

    Args:
        now: Returns the file system's clock, in seconds.
        watch: Returns this process's clock, in seconds.
    """

    def __init__(self, now: Callable[[], float], watch: Callable[[], float] = time.monotonic) -> None:
        self._now, self._watch = now, watch
        self._seen: dict[Path, tuple[float, float]] = {}

    def beats(self, path: Path) -> bool:
        """Whether a file is there and not silent."""
        try:
            touched = path.stat().st_mtime
        except OSError:
            return False
        known, since = self._seen.get(path, (None, 0.0))
        if known != touched:
            since = self._watch()
            self._seen[path] = (touched, since)
        watched = self._watch() - since
        return watched < SILENCE and not (watched >= _WATCHED and self._now() - touched > SILENCE)


class ShareWorker:
    """This process among those that make a map; a context manager, within which it gives signs of life.

    Args:
        folder: Folder of the processes' notes; created if missing.
        note: What it says about itself.

    Attributes:
        name: Its name, which no other has.
        note: Its note as it was last written.
    """

    def __init__(self, folder: Path, note: WorkerNote) -> None:
        self._folder = folder
        self.name = f"{note.host}-{note.pid}-{secrets.token_hex(3)}"
        self.note = note
        self._path = folder / f"{_WORKING}{self.name}.json"
        self._pulse = Pulse(self.now)
        self._ended = threading.Event()

    def __enter__(self) -> Self:
        """Register, and begin to give signs of life."""
        self._folder.mkdir(exist_ok=True)
        create_once(self._path, json.dumps(asdict(self.note)))
        self.put(replace(self.note, since=self.now()))
        threading.Thread(target=self._beat, daemon=True, name="heartbeat").start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave: what this process has in work is free at once."""
        self._ended.set()
        with suppress(OSError):  # the map is made, and the folder gone
            self._path.rename(self._folder / f"{_LEFT}{self.name}.json")

    def now(self) -> float:
        """Return the file system's time, in seconds: that of a file just touched."""
        os.utime(self._path)
        return self._path.stat().st_mtime

    def put(self, note: WorkerNote) -> None:
        """Write another note, while the map's folder is there."""
        self.note = note
        if self._path.exists():
            write_json(self._path, asdict(note))

    def is_alive(self, name: str) -> bool:
        """Whether a process is alive: it hasn't left, isn't known to have ended, and gives signs of life."""
        if name == self.name:
            return True
        path = self._folder / f"{_WORKING}{name}.json"
        note = WorkerNote.read(path)
        return note is not None and not note.has_ended() and self._pulse.beats(path)

    def is_touched(self, path: Path) -> bool:
        """Whether a file without an owner's name was created a short while ago."""
        return self._pulse.beats(path)

    def others(self) -> list[WorkerNote]:
        """Return the notes of the other processes that are alive, by name."""
        names = sorted(path.stem.removeprefix(_WORKING) for path in self._folder.glob(f"{_WORKING}*.json"))
        alive = (name for name in names if name != self.name and self.is_alive(name))
        found = (WorkerNote.read(self._folder / f"{_WORKING}{name}.json") for name in alive)
        return [note for note in found if note is not None]

    def _beat(self) -> None:
        while not self._ended.wait(BEAT):
            try:
                os.utime(self._path)
            except FileNotFoundError:  # the map is made, and the folder gone
                return
            except OSError:  # a server that is away for a moment
                continue


@dataclass(frozen=True)
class SurveyedWorker:
    """A process that makes or made a map, as somebody sees it who takes no part.

    Attributes:
        name: Its name.
        note: Its note.
        state: ``working``, ``left`` or ``dead``.
        silent: Seconds since its last sign of life, by the file system's clock.
    """

    name: str
    note: WorkerNote
    state: str
    silent: float


def survey_workers(folder: Path, now: float) -> list[SurveyedWorker]:
    """Return all processes that ever took part in a map, in the order in which they began.

    Args:
        folder: Folder of their notes; it need not exist.
        now: The file system's clock, in seconds.
    """
    found = []
    for path in folder.glob("*.json"):
        note = WorkerNote.read(path)
        if note is None or not path.name.startswith((_WORKING, _LEFT)):
            continue
        with suppress(FileNotFoundError):
            silent = max(0.0, now - path.stat().st_mtime)
            has_left = path.name.startswith(_LEFT)
            dead = not has_left and (note.has_ended() or silent > SILENCE)
            name = path.stem.removeprefix(_LEFT if has_left else _WORKING)
            found.append(SurveyedWorker(name, note, "left" if has_left else "dead" if dead else "working", silent))
    return sorted(found, key=lambda worker: (worker.note.since, worker.name))


def file_system_time(folder: Path) -> float:
    """Return the time by a folder's file system, in seconds; by this machine, if nothing can be written there."""
    probe = folder / f".now.{secrets.token_hex(4)}"
    try:
        probe.touch()
        return probe.stat().st_mtime
    except OSError:
        return time.time()
    finally:
        with suppress(OSError):
            probe.unlink()


def _machine() -> str:
    """Return the machine, its boot, and on Linux the space of process ids, which containers have of their own."""
    known: list[Any] = [socket.gethostname()]
    with suppress(OSError):
        known.append(Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip())
    with suppress(OSError):
        known.append(str(Path("/proc/self/ns/pid").readlink()))
    return ":".join(known)
