"""Table and figure of the scores of runs: python docs/transfer.py runs/transfer_plain runs/transfer_augmented.

With `--oracle`, also the share that each folder closes of the gap between the first folder, the source alone, and
models trained on the mapped scene: (kappa - source) / (oracle - source). Where all three have runs of the same seeds
it is the mean over them, with Student's interval; else that of the means, by the delta method.
"""

from __future__ import annotations

import argparse
import json
import re
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from lulcseg.run_folder.folder import TrialFolder
from lulcseg.run_folder.record import RunRecord
from lulcseg.trials.tables import as_markdown

SCORES = {"kappa": "kappa", "mean_f1": "mean F1", "mean_users": "mean UA", "mean_producers": "mean PA"}


def main() -> None:
    """Print a Markdown table of all folders' runs and, where asked to, draw kappa by scene."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="+", type=Path, help="folders of run directories, one a variant")
    parser.add_argument("--oracle", type=Path, help="folder of runs trained on the other scene")
    parser.add_argument("--figure", type=Path, help="picture to write")
    arguments = parser.parse_args()
    for folder in [*arguments.folders, *([arguments.oracle] if arguments.oracle else [])]:
        if not TrialFolder(folder).runs():
            parser.error(f"{folder} holds no runs")
    found = {folder.name: scores(folder) for folder in arguments.folders}
    rows = []
    for name, by_map in found.items():
        minutes = training_minutes(next(f for f in arguments.folders if f.name == name))
        for mapped, values in by_map.items():
            cells = [spread(np.array([run[key] for run in values.values()])) for key in SCORES]
            rows.append([name, mapped, len(values), spread(minutes, 1), *cells])
    columns = ["runs", "map of", "n", "minutes", *SCORES.values()]
    if arguments.oracle:
        columns.append("gap closed")
        best = scores(arguments.oracle)
        first = next(iter(found.values()))
        for row in rows:
            mine, mapped = found[row[0]], row[1]
            known = mapped in best and mapped in first and mine is not first
            row.append(closed(*(each[mapped] for each in (mine, first, best))) if known else "")
    print(as_markdown(pd.DataFrame(rows, columns=columns), escape=False), end="")
    if arguments.figure:
        draw(found, arguments.figure)


def scores(folder: Path) -> dict[str, dict[str, dict[str, float]]]:
    """Return for each map of a folder's runs the scores by run; all are mapped with one size of patch.

    Runs are called by their folders' names, seed0 and so on, or by their paths where several have one name.
    """
    found: dict[str, dict[str, dict[str, float]]] = {}
    runs = TrialFolder(folder).runs()
    by_path = len({run.path.name for run in runs}) < len(runs)
    for run in runs:
        for path in run.assessment_files():
            scored = json.loads(path.read_text(encoding="utf-8"))
            if scored["compared"] == "map":
                by_run = found.setdefault(re.sub(r"-patch\d+", "", path.stem), {})
                by_run[str(run.path if by_path else run.path.name)] = {key: scored[key] for key in SCORES}
    return found


def training_minutes(folder: Path) -> NDArray[np.float64]:
    """Return the training time of each of a folder's runs, in minutes."""
    records = [RunRecord.load(run) for run in TrialFolder(folder).runs()]
    return np.array([r.training_seconds / 60 for r in records if r.training_seconds is not None])


def spread(values: NDArray[np.float64], digits: int = 3) -> str:
    """Return mean and half the 95 % interval of the mean (Student's t) as text."""
    if len(values) < 2:
        return f"{values.mean():.{digits}f}"
    half = stats.t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values))
    return f"{values.mean():.{digits}f} ± {half:.{digits}f}"


def closed(
    adapted: dict[str, dict[str, float]], source: dict[str, dict[str, float]], oracle: dict[str, dict[str, float]]
) -> str:
    """Return the share of the gap between source and oracle that is closed, with half its 95 % interval, as text.

    Args:
        adapted: Scores by run.
        source: Of models of the source alone.
        oracle: Of models trained on the mapped scene.
    """
    runs = [np.array([run["kappa"] for run in arm.values()]) for arm in (adapted, source, oracle)]
    if set(adapted) == set(source) == set(oracle) and len(adapted) > 1:
        mine, first, best = (np.array([arm[name]["kappa"] for name in adapted]) for arm in (adapted, source, oracle))
        if (best - first).min() <= 0:
            return "no gap"
        return f"{spread(100 * (mine - first) / (best - first), 0)} %"
    gap = runs[2].mean() - runs[1].mean()
    if gap <= 0:
        return "no gap"
    share = (runs[0].mean() - runs[1].mean()) / gap
    if min(map(len, runs)) < 2:
        return f"{100 * share:.0f} %"
    of_mean = [values.var(ddof=1) / len(values) for values in runs]
    variance = (of_mean[0] + (1 - share) ** 2 * of_mean[1] + share**2 * of_mean[2]) / gap**2
    half = stats.t.ppf(0.975, min(map(len, runs)) - 1) * np.sqrt(variance)
    return f"{100 * share:.0f} ± {100 * half:.0f} %"


def draw(found: dict[str, dict[str, dict[str, dict[str, float]]]], path: Path) -> None:
    """Draw each run's kappa as a point, a column a map."""
    maps = list(dict.fromkeys(name for by_map in found.values() for name in by_map))
    figure, axes = plt.subplots(1, len(maps), figsize=(3.6 * len(maps), 3.4), layout="constrained", sharey=True)
    for axis, mapped in zip(np.atleast_1d(axes), maps, strict=True):
        for place, by_map in enumerate(found.values()):
            kappa = np.array([run["kappa"] for run in by_map[mapped].values()])
            offsets = np.linspace(-0.12, 0.12, len(kappa)) if len(kappa) > 1 else np.zeros(1)
            axis.plot(place + offsets, kappa, "o", color=f"C{place}", alpha=0.7)
            axis.hlines(kappa.mean(), place - 0.25, place + 0.25, color=f"C{place}", lw=2)
            axis.annotate(f"{kappa.mean():.2f}", (place + 0.28, kappa.mean()), va="center", fontsize=9)
        labels = [name.removeprefix("transfer_").removeprefix("scale_").removeprefix("korea_") for name in found]
        axis.set(title=mapped.replace("_", " "), xticks=range(len(found)), ylim=(0, 1), xlim=(-0.5, len(found) - 0.3))
        axis.set_xticklabels(labels, rotation=20 if len(found) > 3 else 0)
        axis.grid(axis="y", alpha=0.3)
    np.atleast_1d(axes)[0].set_ylabel("kappa at the reference points")
    figure.savefig(path, dpi=130)


if __name__ == "__main__":
    main()
