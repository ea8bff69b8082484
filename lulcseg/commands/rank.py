"""``lulcseg rank``: a trial's values ranked by the paper's rule, with tests of their differences."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from lulcseg.commands.parsers import Commands, add_command, as_path

if TYPE_CHECKING:
    from lulcseg.trials.scores_by_seed import View
    from lulcseg.trials.trial_reader import Trial


def add(commands: Commands) -> None:
    """Add the command."""
    parser = add_command(
        commands,
        "rank",
        _run,
        help="compare and rank the values of a trial",
        description="Print the scores of each value of a trial with their spread over replicates, its rank by the "
        "paper's rule, and tests of the differences. The contrast named before the trial comes first.",
    )
    parser.add_argument("trial", type=as_path, help="folder of the trial, such as runs/batch_size")
    parser.add_argument(
        "--values", nargs="+", metavar="value", help="rank only these (default: all values of the trial)"
    )
    parser.add_argument("--scene", help="only maps of this scene (default: every scene)")
    parser.add_argument("--mosaic", help="only maps of this mosaic setting, such as single (default: every setting)")
    parser.add_argument(
        "--margin",
        type=float,
        default=0.02,
        help="difference of kappa below which values count as equivalent (default: %(default)s)",
    )
    parser.add_argument(
        "--ties",
        choices=("average", "min", "dense"),
        default="average",
        help="ranks of tied values (default: %(default)s)",
    )
    parser.add_argument(
        "--points", action="store_true", help="also resample reference points and seeds together, for kappa"
    )
    parser.add_argument("--csv", type=as_path, help="write the ranking as numbers, with every interval")
    parser.add_argument("--latex", type=as_path, help="write the ranking as a LaTeX table")
    parser.add_argument("--markdown", type=as_path, help="write the ranking as a Markdown table")


def _run(arguments: argparse.Namespace) -> None:
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
    views = _select_views(trial, arguments.scene, arguments.mosaic)
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


def _select_views(trial: Trial, scene: str | None, mosaic: str | None) -> list[View]:
    """Return the views of a scene and a mosaic setting; None selects any.

    Raises:
        LulcsegError: The trial has no such view.
    """
    from lulcseg.errors import LulcsegError
    from lulcseg.trials.scores_by_seed import views

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
