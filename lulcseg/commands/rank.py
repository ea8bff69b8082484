"""``lulcseg rank``: a trial's values by the paper's rule, and whether the data can tell them apart."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lulcseg.trials.trial_reader import Trial
    from lulcseg.trials.views import View


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "rank",
        help="compare and rank the values of a trial",
        description="Show what each value of a trial scored, with its training spread, where the paper's rule ranks "
        "it, and what the data can tell of the differences. The contrast named beforehand comes first.",
    )
    parser.add_argument("trial", type=Path, help="folder of the trial, such as runs/batch_size")
    parser.add_argument(
        "--values", nargs="+", metavar="value", help="rank only these against each other (default: all of the trial's)"
    )
    parser.add_argument("--scene", help="only the maps of this scene (default: every scene)")
    parser.add_argument("--mosaic", help="only maps made so, such as single (default: every way)")
    parser.add_argument(
        "--margin",
        type=float,
        default=0.02,
        help="kappa below which a difference doesn't matter (default: %(default)s)",
    )
    parser.add_argument(
        "--ties",
        choices=("average", "min", "dense"),
        default="average",
        help="ranks of values that tie (default: %(default)s)",
    )
    parser.add_argument(
        "--points", action="store_true", help="also draw reference points and seeds anew together, for kappa"
    )
    parser.add_argument("--csv", type=Path, help="write the ranking as numbers, every interval included")
    parser.add_argument("--latex", type=Path, help="write the ranking as a LaTeX table")
    parser.add_argument("--markdown", type=Path, help="write the ranking as a Markdown table")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Rank each view, print it, and export what was asked for."""
    import pandas as pd
    from rich.console import Console

    from lulcseg.errors import LulcsegError
    from lulcseg.trials.print_ranking import print_notes, print_points, print_ranking
    from lulcseg.trials.ranking import rank_trial
    from lulcseg.trials.resample import resample
    from lulcseg.trials.tables import as_latex, as_markdown, ranking_frame, ranking_text, write_table
    from lulcseg.trials.trial_reader import read_trial, select_values

    if not arguments.margin > 0:
        raise LulcsegError("the margin isn't above 0", where="--margin", remedy="write --margin 0.02")
    trial = read_trial(arguments.trial)
    if arguments.values:
        trial = select_values(trial, arguments.values)
    console = Console(highlight=False)
    views = _chosen(trial, arguments.scene, arguments.mosaic)
    rankings = [rank_trial(trial, view, ties=arguments.ties, margin=arguments.margin) for view in views]
    for ranking in rankings:
        print_ranking(ranking, console)
        if arguments.points:
            print_points(trial, resample(trial, ranking.view), console)
    print_notes(rankings, console)
    printed = pd.concat([ranking_text(r, with_view=len(rankings) > 1) for r in rankings])
    numbers = pd.concat([ranking_frame(r) for r in rankings])
    for path, text in (
        (arguments.csv, numbers.to_csv(index=False)),
        (arguments.latex, as_latex(printed)),
        (arguments.markdown, as_markdown(printed)),
    ):
        if path is not None:
            write_table(path, text)


def _chosen(trial: Trial, scene: str | None, mosaic: str | None) -> list[View]:
    """Return the views asked for.

    Raises:
        LulcsegError: The trial has none, or none such.
    """
    from lulcseg.errors import LulcsegError
    from lulcseg.trials.views import views

    found = views(trial)
    if not found:
        raise LulcsegError(
            "no map of its runs was assessed", where=trial.folder, remedy="wait for a run to end, or assess its maps"
        )
    chosen = [v for v in found if scene in (None, v.scene) and mosaic in (None, v.mosaic)]
    if not chosen:
        asked = ", ".join(word for word in (scene, mosaic) if word)
        raise LulcsegError(
            f"it has no maps of {asked}", where=trial.folder, remedy="it has " + "; ".join(v.title for v in found)
        )
    return chosen
