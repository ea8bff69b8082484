"""The synthetic landscape as a scene: generated at first use, then cached; further sources when they are asked for."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from lulcseg.errors import LulcsegError, did_you_mean
from lulcseg.files import replacing
from lulcseg.scene.cached_files import one_at_a_time


def landscape_scene(size: int, seed: int, scene: str, cache: Path, sources: Sequence[str] = ()) -> Path:
    """Return the scene file of a synthetic landscape, generating it on first use.

    Args:
        size: Side of the landscape, pixels.
        seed: Its seed.
        scene: Which of its scene files, such as "2018".
        cache: Folder for generated landscapes.
        sources: Names of sources beside the mosaic: ``dsm``, ``nir``.

    Raises:
        LulcsegError: The landscape has no such scene or source, or can't be written.
    """
    from lulcseg.scene.synthetic import VERSION
    from lulcseg.scene.synthetic.write import write_landscape

    folder = cache / "synthetic" / f"v{VERSION}_size{size}_seed{seed}"
    made_of = f"the synthetic landscape ({size} × {size} px)"
    _make_folder(folder, made_of, lambda out: write_landscape(out, size=size, seed=seed))
    file = folder / f"scene_{scene}.yaml"
    if not file.is_file():
        options = sorted(p.stem.removeprefix("scene_") for p in folder.glob("scene_*.yaml"))
        raise LulcsegError(
            f"the landscape has no scene '{scene}'", where="synthetic.scene", remedy="use " + ", ".join(options)
        )
    return _with_sources(file, size, seed, sources) if sources else file


def _with_sources(scene: Path, size: int, seed: int, sources: Sequence[str]) -> Path:
    """Return a scene file that lists sources beside the mosaic, written with them on first use."""
    from lulcseg.scene.synthetic.write_sources import SOURCES, VERSION, scene_with, write_sources

    for number, name in enumerate(sources):
        if name not in SOURCES or name in sources[:number]:
            raise LulcsegError(
                f"the landscape has no source '{name}'" if name not in SOURCES else f"'{name}' is listed twice",
                where="synthetic.sources",
                remedy=did_you_mean(name, SOURCES) if name not in SOURCES else "list it once",
            )
    date = scene.stem.removeprefix("scene_").split("_")[0]
    folder = scene.parent / f"sources_v{VERSION}_{date}"

    def write_whole(out: Path) -> None:
        with tempfile.TemporaryDirectory(prefix=f".{folder.name}.partial-", dir=folder.parent) as workplace:
            partial = Path(workplace) / out.name
            partial.mkdir()
            write_sources(partial, size=size, seed=seed, date=2018 if date == "2018" else 2015)
            partial.replace(out)

    _make_folder(folder, f"its surface model and near-infrared of {date}", write_whole)
    file = folder / f"{scene.stem}_{'_'.join(sources)}.yaml"
    text = scene_with(scene, sources)
    if not file.is_file() or file.read_text(encoding="utf-8") != text:
        with replacing(file) as part:
            part.write_text(text, encoding="utf-8")
    return file


def _make_folder(folder: Path, what: str, make: Callable[[Path], object]) -> None:
    """Make a folder unless it exists, in one of all processes that ask for it.

    Args:
        folder: The folder, which ``make`` creates whole or not at all.
        what: What it holds, to say that it is being made.
        make: Makes it.

    Raises:
        LulcsegError: It can't be written.
    """
    if folder.exists():
        return
    with one_at_a_time(folder) as alone:  # the runs of a sweep may all request it at once
        if alone:
            for stray in folder.parent.glob(f".{folder.name}.partial-*"):  # of a process that was killed
                shutil.rmtree(stray, ignore_errors=True)
        if not folder.exists():
            sys.stderr.write(f"Making {what} in {folder}\n")
            make(folder)
