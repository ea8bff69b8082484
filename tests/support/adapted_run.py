"""A run directory with a scene that wasn't trained on, mapped as it is and adapted; run as a script it writes one.

python -m tests.support.adapted_run OUT
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np

from lulcseg.assessment.assessment import Assessment
from lulcseg.assessment.class_sources import MapSource
from lulcseg.assessment.score_points import assess
from lulcseg.grid import Grid
from lulcseg.legend import IGNORE, PAPER_LEGEND, Legend
from lulcseg.run_folder.scene_values import SceneValues
from tests.support.runs import landscape, mapped, reference_points, write_map, write_run

OTHER, ADAPTED = "synthetic2015", "multiple_histogram"


def write_adapted_run(run: Path, legend: Legend = PAPER_LEGEND, size=(90, 120), n_points=200) -> Path:
    """Write the run of :func:`write_run`, whose other scene is also mapped adapted, and better for it."""
    write_run(run, legend, size=size, n_points=n_points)
    record = json.loads((run / "record.json").read_text())
    grid = Grid(**record["scenes"][OTHER]["grid"])
    truth, _ = landscape(*size, len(legend), np.random.default_rng(4))
    points = reference_points(truth, grid, np.random.default_rng(8), n_points)
    maps = {m["mosaic"]: m for m in record["maps"] if m["scene"] == OTHER}
    index = mapped(truth, np.random.default_rng(9), 0.1)
    index[:, -30:] = IGNORE
    write_map(run / "maps" / f"{OTHER}_{ADAPTED}.tif", index, grid, legend)
    record["maps"].append(
        {**maps["multiple"], "mosaic": ADAPTED, "adapted": "histogram", "path": f"maps/{OTHER}_{ADAPTED}.tif"}
    )
    for mosaic in ("multiple", ADAPTED):
        source = MapSource(run / "maps" / f"{OTHER}_{mosaic}.tif", legend)
        result = assess(points, source, legend, scene=OTHER, compared="map", reference="points.gpkg", mosaic=mosaic)
        result.save(run / "assessment" / f"{OTHER}_{mosaic}")
    quantiles = np.linspace(0, 255, 257)
    training, here = [quantiles * share for share in (0.5, 0.6, 0.7)], [quantiles] * 3
    values = run / "previews" / f"{OTHER}_values.json"
    SceneValues(["synthetic2018"], here, training, training).save(values)
    record["scenes"][OTHER]["values"] = f"previews/{values.name}"
    (run / "record.json").write_text(json.dumps(record, indent=1))
    return run


def scored(run: Path, mosaic: str) -> Assessment:
    return Assessment.load(run / "assessment" / f"{OTHER}_{mosaic}")


if __name__ == "__main__":
    from lulcseg.report.run.run_page import write_report

    print(write_report(write_adapted_run(Path(sys.argv[1]), size=(700, 900), n_points=900)))
