"""One process's part in a map that several make: it takes strips until none is left, and one of them joins."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection

from lulcseg.maps.writer import reporting_write_errors
from lulcseg.mosaic.map_folder import SHARES, note_name
from lulcseg.mosaic.share_claims import JOIN, SUBSTITUTE, Claim, ShareClaims, strip_work
from lulcseg.mosaic.share_workers import ShareWorker
from lulcseg.mosaic.strip_store import StripStore
from lulcseg.mosaic.strips import Strip, free_run
from lulcseg.processes import print_line

POLL = 1.0
"""Seconds between two looks at what the others have done."""


class MapShare:
    """A process's part in a map.

    Args:
        store: The map's store.
        worker: This process, alive.
        shares: Number of processes that the map is meant for.
        wait: Called while there is nothing to do but to wait for the others.
    """

    def __init__(
        self, store: StripStore, worker: ShareWorker, shares: int, wait: Callable[[], None] = lambda: time.sleep(POLL)
    ) -> None:
        self.store, self.worker, self._shares, self._wait = store, worker, shares, wait
        self._strips = {strip.start: strip for strip in store.strips()}
        self._claims = ShareClaims(store.folder / SHARES, worker.name, worker.is_alive, worker.is_touched)
        self._done: set[int] = set()
        store.owner = worker.name

    @property
    def strips(self) -> list[Strip]:
        """All strips of the map."""
        return list(self._strips.values())

    @property
    def done(self) -> int:
        """Number of strips that are done."""
        return len(self._strips) - len(self._missing())

    @property
    def is_over(self) -> bool:
        """Whether the map's folder is gone: another process has joined the map."""
        return not self.store.folder.exists()

    def next_run(self) -> list[Strip]:
        """Claim the strip to begin with, waiting for others' strips that may become free.

        Returns:
            The strip and those below it that are free; empty: all strips are done.

        Raises:
            LulcsegError: The claim can't be written.
        """
        waits = False
        while not self.is_over and (missing := self._missing()):
            numbers = {strip.number for strip in missing}
            claims = self._claims.all()
            taken = {n: c for n in numbers if (c := claims.get(strip_work(n))) is not None and self._claims.is_held(c)}
            strips = self.strips
            free = [s.number in numbers and s.number not in taken for s in strips]
            run = free_run(free, [s.number in taken for s in strips], self._shares)
            if run and self._takes(strips[run[0]]):
                return [strips[i] for i in run]
            if not run and not waits:
                print_line(_describe_waiting(taken))
                waits = True
            self._wait()
        return []

    def goes_on(self, row: int) -> int:
        """Claim the strip that begins at a row.

        Returns:
            The row after it; the same row if it is another's, or done.
        """
        strip = self._strips.get(row)
        return strip.stop if strip is not None and self._takes(strip) else row

    def once(self, work: str, is_done: Callable[[], bool], do: Callable[[], None]) -> None:
        """Let one process do a piece of work while the others wait for it; another does it if that one dies."""
        while not is_done() and not self.is_over:
            if self._take(work):
                do()
                return
            self._wait()

    def takes_join(self) -> bool:
        """Return whether this process is to join the map, whose strips are all done.

        One does, and a second waits, to do it in its place should it die; whoever else comes is free to go.
        """
        while not self.is_over:
            if self._take(JOIN):
                return True
            if not self._take(SUBSTITUTE):
                print_line("All strips are done; another job joins them.")
                return False
            self._wait()
        return False

    def _missing(self) -> list[Strip]:
        """Return the strips that aren't done; those that were once are not looked for again."""
        names = self._names()
        return [strip for strip in self.strips if not self._is_done(strip, names)]

    def _is_done(self, strip: Strip, names: Collection[str]) -> bool:
        """Whether a strip is done, by the names in the folder.

        Files are looked for in a listing, which a network's file system asks its server for; it may remember for a
        minute that a single file wasn't there.
        """
        is_new = strip.number not in self._done and note_name(strip.number) in names
        if is_new and self.store.note_of(strip) is not None:
            self._done.add(strip.number)
        return strip.number in self._done

    def _names(self) -> set[str]:
        try:
            return {path.name for path in self.store.folder.iterdir()}
        except FileNotFoundError:  # the map was joined, and its folder removed
            return set()

    def _takes(self, strip: Strip) -> bool:
        """Claim a strip; one that was done while this process didn't look isn't done again."""
        return self._take(strip_work(strip.number)) and not self._is_done(strip, self._names())

    def _take(self, work: str) -> bool:
        with reporting_write_errors(self.store.target):
            try:
                return self._claims.take(work)
            except FileNotFoundError:  # the map was joined, and its folder removed
                return False


def _describe_waiting(taken: dict[int, Claim]) -> str:
    count = "1 strip is" if len(taken) == 1 else f"{len(taken)} strips are"
    return f"{count} still being made by other jobs; this one waits, to make them should those die."
