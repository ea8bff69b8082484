"""``lulcseg calibrate``: make a model's probabilities mean what they say, on ground that it was not trained on."""

from __future__ import annotations

import argparse
from textwrap import fill, indent
from typing import TYPE_CHECKING

from lulcseg.commands.parsers import Commands, add_command, as_path

if TYPE_CHECKING:
    from lulcseg.run.fit_calibration import FittedCalibration
    from lulcseg.settings.calibrate import CalibrateSettings


def add(commands: Commands) -> None:
    """Add the command."""
    parser = add_command(
        commands,
        "calibrate",
        _run,
        help="fit the temperature of a model's probabilities on held-out ground",
        usage="%(prog)s [-h] CHECKPOINT scene=… [method=temperature|vector] [key=value …]",
        description="Fit a temperature, or a factor and an offset of each class, on ground that the model was not "
        "trained on: the validation blocks of its run, or another labelled scene. It is kept beside the checkpoint, as "
        "<checkpoint>.calibration.json, and predict.py uses it from then on (calibration=none: without).",
    )
    parser.description = fill(str(parser.description), 96)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = _settings_text()
    parser.add_argument("checkpoint", type=as_path, metavar="CHECKPOINT", help="<run>/checkpoints/best.ckpt")
    parser.add_argument("settings", nargs="*", metavar="key=value", help="as below")


def _settings_text() -> str:
    """Return the settings with their defaults, for ``--help``."""
    from dataclasses import fields

    from lulcseg.settings.calibrate import CalibrateSettings

    lines = ["settings:"]
    for f in fields(CalibrateSettings):
        shown = "null" if f.default is None else str(f.default).lower() if isinstance(f.default, bool) else f.default
        lines += [f"  {f.name}={shown}", indent(fill(f.metadata["about"], 92), " " * 6)]
    return "\n".join(lines)


def _run(arguments: argparse.Namespace) -> None:
    settings = read_settings(arguments.settings)
    from lulcseg.run.fit_calibration import fit_calibration

    _print_result(fit_calibration(arguments.checkpoint, settings))


def read_settings(written: list[str]) -> CalibrateSettings:
    """Return the settings of ``key=value`` words.

    Raises:
        LulcsegError: A word is not of this form, or not a setting of this command.
    """
    import yaml

    from lulcseg.errors import LulcsegError
    from lulcseg.settings import from_plain
    from lulcseg.settings.calibrate import CalibrateSettings

    plain = {}
    for word in written:
        key, sign, value = word.partition("=")
        if not sign:
            raise LulcsegError(f"'{word}' is not a setting", where="command line", remedy="write key=value")
        plain[key] = value if key in {"scene", "out", "cache"} else yaml.safe_load(value)
    return from_plain.fill(CalibrateSettings, plain, "command line")


def _print_result(found: FittedCalibration) -> None:
    from math import isnan

    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    from lulcseg.run.fit_calibration import FEW_PATCHES

    console, on = Console(highlight=False), found.file.fitted_on
    console.print(f"Fitted on {on['pixels']:,} pixels in {on['patches']} patches: {on['ground']}.", soft_wrap=True)
    for each in found.results:
        of = each.calibration
        if not isnan(each.error):
            console.print(f"Temperature [bold]{1 / of.factor[0]:.3f}[/bold] ± {each.error:.3f}")
            continue
        table = Table(title="Vector scaling", title_justify="left", title_style="bold", box=SIMPLE_HEAD)
        for heading in ("class", "factor", "offset"):
            table.add_column(heading, justify="left" if heading == "class" else "right")
        for name, factor, offset in zip(found.file.legend, of.factor, of.offset, strict=True):
            table.add_row(name, f"{factor:.3f}", f"{offset:+.3f}")
        console.print(table)
    title = f"On {on['test_pixels']:,} pixels in {on['test_patches']} patches never fitted to"
    table = Table(title=title, title_justify="left", title_style="bold", box=SIMPLE_HEAD)
    for heading in ("", "log loss", "ECE", "Brier", "log loss saved ± SE"):
        table.add_column(heading, justify="right" if heading else "left", no_wrap=True)
    rows = [("as the network gives it", found.results[0].before, "")]
    rows += [(r.calibration.method, r.after, f"{r.gain[0]:.4f} ± {r.gain[1]:.4f}") for r in found.results]
    for label, scores, saved in rows:
        table.add_row(label, *(f"{scores[key]:.4f}" for key in ("nll", "ece", "brier")), saved)
    console.print(table)
    if on["patches"] < FEW_PATCHES:
        console.print(
            f"Fewer than {FEW_PATCHES} patches: the standard errors are themselves uncertain.", style="yellow"
        )
    gain, error = found.results[-1].gain
    if gain < 0:
        console.print(
            "It did worse than none on the patches not fitted to; remove the file, or set calibration=none.",
            style="yellow",
        )
    elif gain < 2 * error:
        console.print("What it saves is within two standard errors of nothing.", style="yellow")
    console.print(f"Written: {found.path}", soft_wrap=True)
