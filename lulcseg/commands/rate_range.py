"""``lulcseg rate-range``: a learning-rate range test with the settings of a run."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lulcseg.commands.parsers import as_target

if TYPE_CHECKING:
    from lulcseg.run.try_rates import RateTestResult


def add(commands: Any) -> None:
    """Add the command to ``lulcseg``'s."""
    test = commands.add_parser(
        "rate-range",
        help="suggest a learning rate by a range test",
        usage="%(prog)s [-h] [--steps N] [--lowest RATE] [--highest RATE] [--out PNG] scene=… [+experiment=…] "
        "[key=value …]",
        description="Train for some steps with the learning rate rising exponentially, with the settings of a run, "
        "written as for train.py, until the loss diverges (Smith 2017). Writes the losses as CSV and as a picture, and "
        "suggests a tenth of the rate at which the smoothed loss is lowest. No model is kept.",
    )
    test.add_argument("settings", nargs="*", help="as for train.py", metavar="key=value")
    test.add_argument("--steps", type=int, default=150, help="optimiser steps, at least 20 (default: %(default)s)")
    test.add_argument("--lowest", type=float, default=1e-6, help="rate of the first step (default: %(default)s)")
    test.add_argument("--highest", type=float, default=1.0, help="rate of the last step (default: %(default)s)")
    test.add_argument(
        "--out", type=as_target, default=None, help="the picture; the CSV has its name (default: rate_range.png)"
    )
    test.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> None:
    from lulcseg.commands.picture_files import picture_target
    from lulcseg.errors import LulcsegError
    from lulcseg.launch.jobs import jobs_from

    if arguments.steps < 20:
        raise LulcsegError(f"{arguments.steps} steps are too few", where="--steps", remedy="use 20 or more")
    if not 0 < arguments.lowest < arguments.highest:
        raise LulcsegError(
            f"rates from {arguments.lowest:g} to {arguments.highest:g} don't rise",
            where="--lowest",
            remedy="use a rate above 0 and below --highest",
        )
    out = picture_target(arguments.out, Path("rate_range.png"), [])
    (job,) = jobs_from("train", arguments.settings)
    config = job.settings

    from lulcseg.files import replacing
    from lulcseg.pictures.figure_style import png
    from lulcseg.pictures.rate_figure import rate_figure
    from lulcseg.processes import print_line
    from lulcseg.run.try_rates import run_range_test, write_losses
    from lulcseg.training.rate_finder import smoothed

    result = run_range_test(config, steps=arguments.steps, lowest=arguments.lowest, highest=arguments.highest)
    found = result.suggestion
    figure = rate_figure(result.rates, result.losses, smoothed(result.losses), found.rate, found.lowest)
    write_losses(result, out.with_suffix(".csv"))
    with replacing(out) as part:
        part.write_bytes(png(figure))
    print_line(_outcome(result, config.optim.learning_rate))
    print_line(f"Losses: {out.with_suffix('.csv')}, {out}")


def _outcome(result: RateTestResult, present: float) -> str:
    """Return what was found, in sentences."""
    found = result.suggestion
    if found.rate is None:
        return (
            "No rate is suggested: the loss hardly fell at any. Use more steps (--steps) or larger batches, or check "
            "labels and scaling (lulcseg check)."
        )
    assert found.steepest is not None
    end = "" if result.diverged else " The loss did not diverge: --highest may be raised."
    return (
        f"Suggested: optim.learning_rate={found.rate:.2g}, a tenth of the rate at which the smoothed loss is lowest "
        f"({found.lowest:.2g}); it falls fastest at {found.steepest:.2g}. The settings have {present:g}.{end}"
    )
