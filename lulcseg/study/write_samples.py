"""Writing what simulated reference samples of a map show: the errors of their scores, and figures."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from lulcseg.errors import LulcsegError
from lulcseg.files import make_folder, replacing
from lulcseg.pictures.figure_style import png
from lulcseg.run_folder.folder import RunFolder
from lulcseg.run_folder.record import RunRecord
from lulcseg.scene.scene import Scene
from lulcseg.study.landscape import ALL, read_map, read_truth
from lulcseg.study.samplefigures import reference_figures
from lulcseg.study.samples import PAPER_HECTARES, compare_designs, simple_random_error, with_shares
from lulcseg.study.score import mapped_landscape
from lulcseg.study.write_study import DIGITS

OURS, PAPER = "the landscape's shares", "the paper's shares"


def write_samples(run: Path, scene_name: str, out: Path, cache: Path | None, *, seed: int = 0) -> list[Path]:
    """Simulate reference samples from a run's map and its truth, and write the errors of their scores.

    Args:
        run: The run directory.
        scene_name: Scene of the map, by name or path.
        out: Folder for ``samples_random.csv``, ``samples_designs.csv`` and their figures.
        cache: Folder of the synthetic landscapes.
        seed: Seed of the draws.

    Returns:
        The files written.

    Raises:
        LulcsegError: The run has no map of the scene or of its landscape, the scene isn't of the paper's
            classes, or a file can't be read or written.
    """
    scene = Scene.open(scene_name, cache)
    if list(scene.legend.names) != list(PAPER_HECTARES):
        raise LulcsegError("its classes aren't the paper's", where=scene.file.path, remedy="use a synthetic landscape")
    record = RunRecord.read(RunFolder(run))
    maps = [entry for entry in (record and record.maps) or () if entry.scene == scene.name]
    if not maps:
        raise LulcsegError(f"it has no map of {scene.name}", where=run, remedy="give a run that mapped it")
    truth = read_truth(scene, split=False)
    mapped = mapped_landscape(run, scene.name, cache)
    if mapped != truth.landscape:
        raise LulcsegError(
            f"its map of {scene.name} is of {mapped}, and the scene of {truth.landscape}", where=run,
            remedy="give the scene file that the run mapped",
        )  # fmt: skip
    matrix = truth.pixels(read_map(run / maps[0].path, truth), ALL)
    names = list(scene.legend.names)
    matrices = {OURS: matrix / matrix.sum(), PAPER: with_shares(matrix, list(PAPER_HECTARES.values()))}
    errors = {whose: simple_random_error(m, seed=seed, names=names) for whose, m in matrices.items()}
    compared = {whose: compare_designs(m, seed=seed, names=names) for whose, m in matrices.items()}
    figures = dict(zip(("scatter", "ratio"), reference_figures(errors, compared[PAPER]), strict=True))
    make_folder(out, "out")
    written = []
    for name, tables in (("random", errors), ("designs", compared)):
        written.append(out / f"samples_{name}.csv")
        table = pd.concat([t.assign(shares=whose) for whose, t in tables.items()], ignore_index=True)
        with replacing(written[-1]) as part:
            table.round(DIGITS).to_csv(part, index=False)
    for name, figure in figures.items():
        written.append(out / f"samples_{name}.png")
        with replacing(written[-1]) as part:
            part.write_bytes(png(figure))
    return written
