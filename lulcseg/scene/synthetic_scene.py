"""The synthetic landscape as a scene: generated at first use, then cached."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from lulcseg.errors import LulcsegError
from lulcseg.scene.cached_files import one_at_a_time


def landscape_scene(size: int, seed: int, scene: str, cache: Path) -> Path:
    """Return the scene file of a synthetic landscape, generating it on first use.

    Args:
        size: Side of the landscape, pixels.
        seed: Its seed.
        scene: Which of its scene files, such as "2018".
        cache: Folder for generated landscapes.

    Raises:
        LulcsegError: The landscape has no such scene, or can't be written.
    """
    from lulcseg.scene.synthetic import VERSION
    from lulcseg.scene.synthetic.write import write_landscape

    folder = cache / "synthetic" / f"v{VERSION}_size{size}_seed{seed}"
    if not folder.exists():
        with one_at_a_time(folder) as alone:  # the runs of a sweep may all request it at once
            if alone:
                for stray in folder.parent.glob(f".{folder.name}.partial-*"):  # of a process that was killed
                    shutil.rmtree(stray, ignore_errors=True)
            if not folder.exists():
                sys.stderr.write(f"Making the synthetic landscape ({size} × {size} px) in {folder}\n")
                write_landscape(folder, size=size, seed=seed)
    file = folder / f"scene_{scene}.yaml"
    if not file.is_file():
        options = sorted(p.stem.removeprefix("scene_") for p in folder.glob("scene_*.yaml"))
        raise LulcsegError(
            f"the landscape has no scene '{scene}'", where="synthetic.scene", remedy="use " + ", ".join(options)
        )
    return file
