"""Reading, collecting, comparing, resampling and reporting 200 runs: seconds of each step, and interval coverage.

python benchmarks/trials.py [--runs 200] [--points 10000] [--folder DIR] [--coverage]

Writes trials of five seeds each whose runs hold what collecting reads: a record, the settings, and for two scenes the
assessment of a map with its table of points and that of the digitised polygons. Then, each step on all trials:

- read: every record and confusion matrix (not the tables of points);
- collect: the tidy table, written as Parquet and CSV;
- statistics: summaries of maps and classes, contrasts, all pairs, rankings with drawn seeds, for each scene;
- points: the tables of points, and 2,000 draws of points and seeds together, for each scene;
- report: each trial's page and its tables, read anew; the made-up runs have no maps or curves.

--coverage instead says how often 95 % intervals of a mean hold it, for n normal scores.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

VALUES, SEEDS = 8, 5
SCENES = ("synthetic2018", "synthetic2015")


def main() -> None:
    """Write the runs where they aren't there, and time the steps."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--points", type=int, default=10_000)
    parser.add_argument("--folder", type=Path, help="where to write the runs and keep them (default: a temporary one)")
    parser.add_argument("--coverage", action="store_true")
    asked = parser.parse_args()
    if asked.coverage:
        show_coverage()
    elif asked.folder is not None:
        time_steps(written(asked.folder, asked.runs, asked.points))
    else:
        with tempfile.TemporaryDirectory() as folder:
            time_steps(written(Path(folder), asked.runs, asked.points))


def written(folder: Path, runs: int, points: int) -> list[Path]:
    """Write trials of eight values and five seeds until there are so many runs; return their folders."""
    sys.path.insert(0, str(Path(__file__).parents[1]))  # the tests' made-up runs
    from tests.support.trials import write_trial

    sizes = [2**k for k in range(3, 3 + VALUES)]
    found = []
    for number in range(-(-runs // (VALUES * SEEDS))):
        path = folder / f"trial{number}"
        found.append(path)
        if not path.exists():
            write_trial(
                path,
                {f"batch{size}": 0.9 - 0.03 * i for i, size in enumerate(sizes)},
                seeds=range(SEEDS),
                levels={f"batch{size}": size for size in sizes},
                hours={f"batch{size}": 1 + 0.2 * i for i, size in enumerate(sizes)},
                contrast={"kind": "slope", "values": None},
                scenes=SCENES,
                n_points=points,
            )
    return found


def time_steps(folders: list[Path]) -> None:
    """Time each step on all trials."""
    from lulcseg.report.trial.trial_page import write_trial_report
    from lulcseg.trials.collecting import collect, write_collected
    from lulcseg.trials.ranking import rank_trial
    from lulcseg.trials.resample import resample
    from lulcseg.trials.scores_by_seed import views
    from lulcseg.trials.summary import summarise, summarise_classes
    from lulcseg.trials.trial_reader import Trial, read_trial

    def step[T](name: str, do: Callable[[], T]) -> T:
        start = time.perf_counter()
        result = do()
        print(f"{name:<12}{time.perf_counter() - start:6.2f} s")
        return result

    def statistics(trial: Trial) -> None:
        for view in views(trial):
            summarise(trial, view)
            summarise_classes(trial, view)
            rank_trial(trial, view)

    trials = step("read", lambda: [read_trial(folder) for folder in folders])
    print(f"            {sum(len(t.replicates) for t in trials)} runs")
    table = step("collect", lambda: collect(trials))
    step("write", lambda: write_collected(table, [folders[0] / "runs.parquet", folders[0] / "runs.csv"]))
    print(f"            {len(table):,} rows")
    step("statistics", lambda: [statistics(trial) for trial in trials])
    step("points", lambda: [resample(trial, view) for trial in trials for view in views(trial)])
    step("report", lambda: [write_trial_report(folder) for folder in folders])


def show_coverage(trials: int = 20_000) -> None:
    """Print how often intervals hold the mean that normal scores were drawn with."""
    for n in (3, 5, 10):
        t, bootstrap = coverage(n, trials, np.random.default_rng(n))
        print(f"n = {n:2d}: t interval {t:.1%}, percentile bootstrap {bootstrap:.1%} of {trials:,}")


def coverage(n: int, trials: int, rng: np.random.Generator) -> tuple[float, float]:
    """Return the share of t and of percentile bootstrap intervals that hold the true mean of n normal scores."""
    from lulcseg.trials.summary import bootstrap_interval, t_interval

    held = np.zeros(2)
    for _ in range(trials):
        scores = rng.normal(size=n)
        held += [low <= 0 <= high for low, high in (t_interval(scores), bootstrap_interval(scores))]
    return float(held[0] / trials), float(held[1] / trials)


if __name__ == "__main__":
    main()
