"""The maps of a run, as its record and its folder state them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lulcseg.run_folder.folder import RunFolder
from lulcseg.run_folder.record import RunRecord
from lulcseg.run_folder.record_parts import MapEntry


@dataclass(frozen=True)
class MapFile:
    """One map of a run.

    Attributes:
        scene: Name of the scene.
        mosaic: Label of the mosaic setting that it was made with ("single", "multiple").
        path: The file.
        entry: Its entry in the record; None without a record.
    """

    scene: str
    mosaic: str
    path: Path
    entry: MapEntry | None = None

    @property
    def files(self) -> list[str]:
        """The map's files that people open, relative to the run directory, without its sidecars."""
        named = () if self.entry is None else self.entry.files
        return [name for name in named if not name.endswith((".qml", ".aux.xml"))]


def list_maps(folder: RunFolder, record: RunRecord) -> list[MapFile]:
    """Return the maps that the record names and the folder holds; without a record, those in ``maps/``."""
    if record.maps is not None:
        named = [MapFile(entry.scene, entry.mosaic or "map", folder.path / entry.path, entry) for entry in record.maps]
        return [m for m in named if m.path.exists()]
    split = [(path, *path.stem.rpartition("_")[::2]) for path in folder.map_files()]
    return [MapFile(scene or path.stem, mosaic, path) for path, scene, mosaic in split]
