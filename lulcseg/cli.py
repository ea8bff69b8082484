"""``lulcseg``: its command line; every command is a module of ``commands/``."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from lulcseg import __version__
from lulcseg.commands import (
    agreement,
    assess,
    beside,
    calibrate,
    check,
    collect,
    contact,
    micro_batch,
    quicklook,
    rank,
    rate_range,
    reference,
    report,
    study,
    sweep,
    synth,
)
from lulcseg.errors import exits_cleanly

_COMMANDS = (
    check, contact, synth, calibrate, assess, quicklook, beside, micro_batch, rate_range, reference, agreement, sweep,
    collect, rank, report, study,
)  # fmt: skip
"""In the order of ``--help``."""


def main(argv: Sequence[str] | None = None) -> None:
    """Run a command; bad input ends in one sentence and exit code 2."""
    arguments = command_parser().parse_args(argv)
    with exits_cleanly():
        arguments.run(arguments)


def command_parser() -> argparse.ArgumentParser:
    """Return the parser of ``lulcseg``."""
    parser = argparse.ArgumentParser(
        prog="lulcseg",
        description="From an aerial mosaic and digitised polygons to a land-cover map and its accuracy.",
        epilog="Training and prediction: python train.py --help, python predict.py --help.",
    )
    parser.add_argument("--version", action="version", version=f"lulcseg {__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="command")
    for command in _COMMANDS:
        command.add(commands)
    return parser


if __name__ == "__main__":
    main()
