"""A trial's folder as a sweep would leave it, with made-up scores; run as a script it writes one to look at.

python -m tests.support.trial_pages OUT [VALUES [SEEDS]]
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd

from lulcseg.assessment.assessment import Assessment, SubsetScores
from lulcseg.assessment.confusion import confusion_matrix
from lulcseg.assessment.scores import score
from lulcseg.grid import Grid
from lulcseg.legend import IGNORE, PAPER_LEGEND, LandClass, Legend
from lulcseg.pictures.previews import write_previews
from tests.support.runs import FakeScene, landscape, mapped, photograph, write_map

NASTY = '<script>alert(1)</script> & "x"'
LEGEND = Legend(
    (
        LandClass(10, NASTY, "#8fce6a"),
        LandClass(30, "Costs $5_a$", "#d81b60"),
        LandClass(50, "Water", "#2266aa"),
        LandClass(70, "Other", "#c8c4b7"),
    )
)
"""Names that a page must escape, in HTML and in matplotlib."""

SCENES = ("made-up2018", "made-up2015")
_SHARES = np.array([0.05, 0.02, 0.05, 0.55, 0.15, 0.02, 0.1, 0.05, 0.01])


def write_trial(
    folder: Path,
    values=(("batch10", 10), ("batch50", 50), ("batch100", 100), ("batch200", 200)),
    seeds=(0, 1, 2, 3, 4),
    *,
    legend: Legend = PAPER_LEGEND,
    scenes=SCENES,
    maps=True,
    contrast="slope",
    failed=(),
    missing=(),
    size=(180, 240),
    n_points=600,
    points_tables=False,
) -> Path:
    """Write a trial of ``values`` × ``seeds``; scores fall from value to value.

    Args:
        failed: (value, seed) of runs that stopped with an error.
        missing: (value, seed) of runs that were never begun.
        maps: Whether runs hold their maps.
        points_tables: Whether assessments have their table of points.
    """
    rng = np.random.default_rng(11)
    folder.mkdir(parents=True, exist_ok=True)
    write_trial_json(folder, values, seeds, contrast)
    grid = Grid("EPSG:28355", 350_000.0, 8_000_000.0, 0.5, 0.5, *size)
    truth, fields = landscape(*size, len(legend), rng)
    entries = {}
    for name in scenes:
        labels = np.roll(truth, 3, axis=1)
        labels[:6] = IGNORE
        scene = FakeScene(name, photograph(truth, fields, rng), labels, grid, legend)
        entries[name] = write_previews(scene, folder.parent / "previews", max_px=max(size))
    shares = np.resize(_SHARES, len(legend))
    reference = np.sort(rng.choice(len(legend), n_points, p=shares / shares.sum()))
    reference[: len(legend)] = np.arange(len(legend))
    human = {s: _confused(reference, 0.97, len(legend), np.random.default_rng(5)) for s in scenes}
    for i, (value, level) in enumerate(values):
        for seed in seeds:
            if (value, seed) in missing:
                continue
            draw = np.random.default_rng([i, seed])
            run = folder / value / f"seed{seed}"
            run.mkdir(parents=True)
            record = _record(folder.name, value, level, seed, i, draw)
            write_metrics(run / "metrics.csv", draw, 0.9 - 0.08 * i)
            (run / "plan.png").write_bytes((folder.parent / "previews" / f"{scenes[0]}.png").read_bytes())
            if (value, seed) in failed:
                record |= {"state": "failed", "error": "RuntimeError: the loss is <not> a number"}
            else:
                for name in scenes:
                    skill = 0.93 - 0.05 * i - 0.12 * (name == SCENES[1]) + draw.normal(0, 0.015)
                    found = _confused(reference, skill, len(legend), draw)
                    for stem, compared, classes in (
                        (f"{name}_single", "map", found),
                        (f"{name}_labels", "labels", human[name]),
                    ):
                        result = _assessment(name, compared, legend, reference, classes, points_tables)
                        result.save(run / "assessment" / stem)
                        record["assessments"].append(f"assessment/{stem}")
                    if maps:
                        path = run / "maps" / f"{name}_single.tif"
                        write_map(path, mapped(truth, draw, 1.2 - skill), grid, legend, overviews=())
                        record["maps"].append({"scene": name, "mosaic": "single", "path": f"maps/{path.name}"})
                        record["scenes"][name] = entries[name]
                        (run / "previews").mkdir(exist_ok=True)
                        for picture in (folder.parent / "previews").glob(f"{name}*.png"):
                            (run / "previews" / picture.name).write_bytes(picture.read_bytes())
            (run / "record.json").write_text(json.dumps(record))
            (run / "config.yaml").write_text(f"name: {value}\nseed: {seed}\nscene: {SCENES[0]}\n")
    return folder


def write_trial_json(folder, values, seeds, contrast):
    plain = {
        "format": 1,
        "name": folder.name,
        "title": "Batch size",
        "description": "Does a smaller batch make a better map at equal epochs? Made-up scores, to look at the page.",
        "factor": "batch size",
        "values": [{"name": name, "level": level} for name, level in values],
        "seeds": list(seeds),
        "contrast": {"kind": contrast, "values": None if contrast == "slope" else [v for v, _ in values[:2]]},
    }
    (folder / "trial.json").write_text(json.dumps(plain))


def _record(trial, value, level, seed, i, draw):
    return {
        "name": value,
        "trial": {"name": trial, "value": value, "level": level},
        "state": "finished",
        "error": None,
        "seed": seed,
        "started": "2026-03-02T09:14:03+10:00",
        "finished": "2026-03-02T10:21:47+10:00",
        "training_seconds": float(4200 - 500 * i + draw.normal(0, 120)),
        "reading_seconds": float(300 + draw.normal(0, 20)),
        "peak_memory_bytes": 3_100_000_000,
        "energy_wh": None,
        "fingerprint": f"{i:02d}{seed:02d}",
        "plan": {"path": "plan.gpkg", "digest": "5b1d" * 8, "train": 3986, "validation": 0},
        "environment": {"lulcseg": "0.5", "python": "3.12.8", "platform": "Linux", "gpus": []},
        "git": {"commit": "0f3c9ab", "dirty": False},
        "train_scenes": [SCENES[0]],
        "scenes": {},
        "maps": [],
        "assessments": [],
    }


def _confused(reference, skill, n, rng):
    """Return map classes: the reference's with a class's own skill, else Other (3) or a neighbour."""
    own = np.clip(skill + 0.06 * np.cos(np.arange(n) * 1.7) + rng.normal(0, 0.03, n), 0.02, 0.99)
    wrong = np.where(rng.random(len(reference)) < 0.6, min(3, n - 1), (reference + rng.integers(1, n)) % n)
    return np.where(rng.random(len(reference)) < own[reference], reference, wrong)


def _assessment(scene, compared, legend, reference, found, points_table):
    n = len(legend)
    confusion = confusion_matrix(reference, found, n)
    names = np.array(legend.names, dtype=object)
    points = pd.DataFrame(
        {
            "point": np.arange(len(reference)),
            "x": 350_000.0 + np.arange(len(reference)),
            "y": 7_999_950.0,
            "reference": names[reference],
            "map": names[found],
            "agrees": np.where(reference == found, "yes", "no"),
            "excluded": "",
        }
    )
    inside = np.arange(len(reference)) % 3 == 0
    subsets = {}
    for name, part in (("inside_training", inside), ("outside_training", ~inside)):
        s = score(confusion_matrix(reference[part], found[part], n))
        subsets[name] = SubsetScores(s.n_scored, s.overall_accuracy, s.kappa, s.mean_f1, s.classes_averaged)
    return Assessment(
        scene=scene,
        compared=compared,
        source="map.tif",
        reference=f"data/{scene}_points.gpkg",
        mosaic="single" if compared == "map" else None,
        design="simple random",
        places="points",
        legend=legend,
        confusion=confusion,
        scores=score(confusion),
        n_points=len(reference),
        excluded={},
        unmapped=(0,) * n,
        points=points if points_table else None,
        subsets=subsets if compared == "map" else {},
    )


def write_metrics(path, draw, best, epochs=20):
    rows = []
    for epoch in range(epochs):
        level = 1 - np.exp(-(epoch + 1) / 5)
        end = {"epoch": epoch, "step": 151 * (epoch + 1) - 1}
        loss = 2 * np.exp(-epoch / 5) + 0.7 - 0.5 * best + draw.normal(0, 0.03)
        rows.append({**end, "train/loss_epoch": loss, "train/mean_f1": best * level})
        rows.append({**end, "val/loss": loss + 0.12, "val/mean_f1": best * level + draw.normal(0, 0.015)})
    pd.DataFrame(rows).to_csv(path, index=False)


if __name__ == "__main__":
    from lulcseg.report.trial.trial_page import write_trial_report

    n_values, n_seeds = (int(word) for word in [*sys.argv[2:], "4", "5"][:2])
    levels = [10, 50, 100, 150, 200, 250, 280, 320, 400, 500][:n_values]
    made = Path(sys.argv[1])
    if not made.exists():
        write_trial(made, tuple((f"batch{level}", level) for level in levels), tuple(range(n_seeds)))
    print(write_trial_report(made))
