"""How far maps in progress are: strips done, by whom, how fast, and what dead processes left."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lulcseg.errors import LulcsegError
from lulcseg.files import read_json
from lulcseg.grid import Window
from lulcseg.mosaic.map_folder import MANIFEST, SHARES, note_name, unfinished_maps
from lulcseg.mosaic.share_claims import JOIN, claims_in, strip_claimed
from lulcseg.mosaic.share_workers import SurveyedWorker, file_system_time, survey_workers
from lulcseg.mosaic.strips import split_rows


@dataclass(frozen=True)
class MapProgress:
    """How far a map is.

    Attributes:
        target: Path of the class map.
        folder: Its hidden folder.
        total: Number of its strips.
        done: Number of strips that are done.
        workers: The processes that make or made it together, in the order in which they began.
        strips: Strips done by each process, by its name; those of a process alone by no name.
        in_work: Strips that each process has in work, by its name; those of dead processes are free to be taken.
        joined_by: Name of the process that joins the strips; None: nobody yet.
        rate: Strips a second of the processes at work; None: they haven't done any yet.
    """

    target: Path
    folder: Path
    total: int
    done: int
    workers: list[SurveyedWorker]
    strips: dict[str, int]
    in_work: dict[str, list[int]]
    joined_by: str | None
    rate: float | None

    @property
    def seconds_left(self) -> float | None:
        """Estimated time until all strips are done, in seconds; None: unknown."""
        return 0.0 if self.done == self.total else None if not self.rate else (self.total - self.done) / self.rate


def maps_in_progress(place: Path) -> list[MapProgress]:
    """Return the progress of unfinished maps that can be read, by their targets.

    Args:
        place: A map that isn't there yet, a folder of maps, or a run's folder.
    """
    return [progress for folder in _folders(place) if (progress := _progress_of(folder)) is not None]


def _folders(place: Path) -> list[Path]:
    within = [*place.glob(".*.part"), *(place / "maps").glob(".*.part")]
    return sorted(within) if place.is_dir() else unfinished_maps(place)


def _read_manifest(folder: Path) -> tuple[Window, int] | None:
    """Return the part that is mapped and the rows of a strip; None if they can't be read."""
    manifest = read_json(folder / MANIFEST) or {}
    try:
        return Window(*map(int, manifest["part"])), int(manifest["strip_rows"])
    except (KeyError, TypeError, ValueError):
        return None


def progress_of(place: Path) -> list[MapProgress]:
    """Return the progress of unfinished maps; empty: those there are finished.

    Raises:
        LulcsegError: There is neither an unfinished map nor a finished one, or one can't be read.
    """
    found = maps_in_progress(place)
    for folder in _folders(place):
        if (folder / MANIFEST).exists() and _read_manifest(folder) is None:
            raise LulcsegError(
                "it can't be read, or is of another version",
                where=folder / MANIFEST,
                remedy="map with the version that began it, or remove its folder",
            )
    if not found and not finished_maps(place):
        raise LulcsegError(
            "no map is there, nor one in progress" if place.exists() else "there is nothing of this name",
            where=place,
            remedy="give a map, a folder of maps, or the folder of a run",
        )
    return found


def finished_maps(place: Path) -> list[Path]:
    """Return the finished maps that a path names: itself, or those in the folder of maps or of a run."""
    within = [place] if place.is_file() else [*place.glob("*.tif"), *(place / "maps").glob("*.tif")]
    return sorted(path for path in within if _is_map(path))


def _is_map(path: Path) -> bool:
    """Whether a raster is a class map that this package wrote, as the STAC item beside it tells."""
    item = read_json(path.with_suffix(".json")) if path.suffix == ".tif" else None
    properties = (item or {}).get("properties")
    return isinstance(properties, dict) and any(str(key).startswith("lulcseg:") for key in properties)


def _progress_of(folder: Path) -> MapProgress | None:
    begun = _read_manifest(folder)
    if begun is None:
        return None
    notes: dict[int, dict[str, Any]] = {}
    total = len(split_rows(*begun))
    for number in range(total):
        if (note := read_json(folder / note_name(number))) is not None:
            notes[number] = note
    now = file_system_time(folder)
    workers = survey_workers(folder / SHARES, now)
    strips = Counter(str(note.get("by", "")) for note in notes.values())
    claims = claims_in(folder / SHARES)
    in_work: dict[str, list[int]] = {}
    for work, claim in claims.items():
        if (strip := strip_claimed(work)) is not None and strip not in notes:
            in_work.setdefault(claim.owner, []).append(strip)
    working = [worker for worker in workers if worker.state == "working" and strips[worker.name]]
    rate = sum(strips[worker.name] / max(now - worker.note.since, 1e-3) for worker in working)
    join = claims.get(JOIN)
    target = folder.with_name(folder.name.removeprefix(".").rsplit(".", 2)[0])
    return MapProgress(
        target, folder, total, len(notes), workers, dict(strips), in_work, None if join is None else join.owner,
        rate or None,
    )  # fmt: skip
