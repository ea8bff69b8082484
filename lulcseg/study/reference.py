"""What reference samples would have said of one map whose truth is known everywhere."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from lulcseg.errors import LulcsegError
from lulcseg.files import make_folder, read_json, replacing
from lulcseg.report.figures import png
from lulcseg.scene.scene import Scene
from lulcseg.study.landscape import ALL, known_of, read_map
from lulcseg.study.samplefigures import reference_figures
from lulcseg.study.samples import PAPER_HECTARES, designs_compared, simple_random_error, with_shares

OURS, PAPER = "the landscape's shares", "the paper's shares"


def write_samples(run: Path, scene_name: str, out: Path, cache: Path | None, *, seed: int = 0) -> list[Path]:
    """Draw reference samples from a run's map and its truth, and write how far they mislead.

    Args:
        run: The run directory.
        scene_name: Scene whose map is taken, by name or path.
        out: Folder for ``samples_random.csv``, ``samples_designs.csv`` and their figures.
        cache: Folder of the synthetic landscapes.
        seed: Of the draws.

    Returns:
        The files written.

    Raises:
        LulcsegError: The run has no map of the scene, the scene isn't of the paper's classes, or a file can't be
            read or written.
    """
    scene = Scene.open(scene_name, cache)
    if list(scene.legend.names) != list(PAPER_HECTARES):
        raise LulcsegError("its classes aren't the paper's", where=scene.file.path, remedy="use a synthetic landscape")
    maps = [m for m in (read_json(run / "record.json") or {}).get("maps", []) if m["scene"] == scene.name]
    if not maps:
        raise LulcsegError(f"it has no map of {scene.name}", where=run, remedy="give a run that mapped it")
    known = known_of(scene, split=False)
    matrix = known.pixels(read_map(run / maps[0]["path"], known.legend), ALL)
    names = list(scene.legend.names)
    matrices = {OURS: matrix / matrix.sum(), PAPER: with_shares(matrix, list(PAPER_HECTARES.values()))}
    errors = {whose: simple_random_error(m, seed=seed, names=names) for whose, m in matrices.items()}
    compared = {whose: designs_compared(m, seed=seed, names=names) for whose, m in matrices.items()}
    figures = dict(zip(("scatter", "ratio"), reference_figures(errors, compared[PAPER]), strict=True))
    make_folder(out, "out")
    written = []
    for name, tables in (("random", errors), ("designs", compared)):
        written.append(out / f"samples_{name}.csv")
        table = pd.concat([t.assign(shares=whose) for whose, t in tables.items()], ignore_index=True)
        with replacing(written[-1]) as part:
            table.round(5).to_csv(part, index=False)
    for name, figure in figures.items():
        written.append(out / f"samples_{name}.png")
        with replacing(written[-1]) as part:
            part.write_bytes(png(figure))
    return written
