"""Whether what is to be written would replace what is read."""

from __future__ import annotations

from collections.abc import Iterable
from os import PathLike
from pathlib import Path

from lulcseg.errors import LulcsegError
from lulcseg.files import is_there
from lulcseg.maps.writer import sidecar_of
from lulcseg.scene.file_names import RemoteFile, locate_layer


def check_not_replaced(
    targets: Iterable[Path], inputs: Iterable[str | PathLike[str] | None], *, remedy: str = "give --out another name"
) -> None:
    """Check that no file to be written is one that is read, or one that goes with it.

    Paths are compared as files, however they are written: absolute or relative, through links, by any of their names.

    Args:
        targets: The files to be written.
        inputs: The files that are read, perhaps with ``|layername=`` after them; None and addresses are left out.
        remedy: What to do instead.

    Raises:
        LulcsegError: One would be replaced.
    """
    read = [path for each in inputs if each is not None and (path := _path_of(each)) is not None]
    for target in targets:
        for path in read:
            if is_same_file(target, path):
                raise LulcsegError("it is read, and would be replaced", where=target, remedy=remedy)
            if any(is_same_file(target, other) for other in _beside(path)):
                raise LulcsegError(
                    f"that is the name of a file that goes with {path.name}", where=target, remedy=remedy
                )


def is_same_file(one: Path, two: Path) -> bool:
    """Return whether two paths lead to the same file; neither need exist.

    Example:
        >>> is_same_file(Path("maps/../a.tif"), Path("a.tif").absolute()), is_same_file(Path("a.tif"), Path("b.tif"))
        (True, False)
    """
    if one.resolve() == two.resolve():
        return True
    return is_there(one) and is_there(two) and one.samefile(two)


def _beside(path: Path) -> list[Path]:
    """Return the files beside a raster that go by its name: STAC item, QGIS style, GDAL's sidecar."""
    return [path.with_name(path.stem + ".json"), path.with_name(path.stem + ".qml"), sidecar_of(path)]


def _path_of(name: str | PathLike[str]) -> Path | None:
    file = name if isinstance(name, Path | RemoteFile) else locate_layer(name, "the command")[0]
    return file if isinstance(file, Path) else None
