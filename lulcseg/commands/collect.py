"""``lulcseg collect``: one tidy table of what all runs of trials scored."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "collect",
        help="gather the scores of trials' runs in one table",
        description="Write a row a run × assessment × class × metric. Without --out, runs.parquet and runs.csv in the "
        "folder of the trial (of the first one where there are several).",
    )
    parser.add_argument(
        "trials", type=Path, nargs="+", metavar="trial", help="folder of a trial, such as runs/batch_size"
    )
    parser.add_argument("--out", type=Path, help="file to write instead, .parquet or .csv")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Collect, write, and say what is missing."""
    from lulcseg.trials.collecting import collect, write_collected
    from lulcseg.trials.trial_reader import read_trial

    trials = [read_trial(folder) for folder in arguments.trials]
    table = collect(trials)
    folder = arguments.trials[0]
    paths = [arguments.out] if arguments.out is not None else [folder / "runs.parquet", folder / "runs.csv"]
    write_collected(table, paths)
    for trial in trials:
        for note in trial.notes:
            sys.stdout.write(f"{trial.name}: {note}\n")
    runs = sum(len(trial.replicates) for trial in trials)
    sys.stdout.write(f"{len(table):,} rows of {runs} runs\n" + "".join(f"{path}\n" for path in paths))
