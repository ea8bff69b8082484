"""``lulcseg collect``: the scores of all runs of trials in one tidy table."""

from __future__ import annotations

import argparse
import sys

from lulcseg.commands.parsers import Commands, add_command, as_path, as_target


def add(commands: Commands) -> None:
    """Add the command."""
    parser = add_command(
        commands,
        "collect",
        _run,
        help="gather the scores of trials' runs in one table",
        description="Write one row per run, assessment, class and metric. Without --out: runs.parquet and runs.csv in "
        "the folder of the (first) trial.",
    )
    parser.add_argument(
        "trials", type=as_path, nargs="+", metavar="trial", help="folder of a trial, such as runs/batch_size"
    )
    parser.add_argument("--out", type=as_target, help="file to write instead, .parquet or .csv")


def _run(arguments: argparse.Namespace) -> None:
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
