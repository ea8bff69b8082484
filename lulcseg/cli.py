"""``lulcseg``: its command line; every command is a module of ``commands/``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from lulcseg import __version__
from lulcseg.commands import (
    agreement,
    assess,
    beside,
    calibrate,
    change,
    check,
    collect,
    completion,
    contact,
    export,
    init,
    map_status,
    micro_batch,
    predict,
    quicklook,
    rank,
    rate_range,
    reference,
    report,
    revise,
    study,
    suggest,
    sweep,
    synth,
    train,
    tune,
)
from lulcseg.errors import exits_cleanly

_PROGRAMS = {"train": train.main, "predict": predict.main}
"""Commands whose line Hydra reads."""

_COMMANDS = (
    init, check, contact, synth, train, predict, map_status, calibrate, assess, change, quicklook, beside, micro_batch,
    tune, rate_range, reference, agreement, suggest, revise, sweep, collect, rank, report, study, export,
)  # fmt: skip
"""In the order of ``--help``."""


_WHAT_NEXT = f"""lulcseg {__version__}: from an aerial mosaic and digitised polygons to a land-cover map and its accuracy.

  lulcseg train +experiment=demo         a small model of a made-up landscape, its maps, their accuracy, a report;
                                         ten minutes on two cores (demo_small: two, to see that all works)
  lulcseg init my_project                a folder for a scene, an experiment and a trial of your own
  lulcseg check my_scene.yaml            what is in a scene, and what needs attention, before anything is trained
  lulcseg train scene=my_scene.yaml      a model, a map and a report of it
  lulcseg predict checkpoint=… scene=…   a map of another scene

lulcseg --help lists all commands, lulcseg train --help every setting of a training.
"""  # noqa: E501
"""What ``lulcseg`` alone prints."""


def main(argv: Sequence[str] | None = None) -> None:
    """Run a command; bad input ends in one sentence and exit code 2."""
    words = sys.argv[1:] if argv is None else list(argv)
    if words[:1] and words[0] in _PROGRAMS:
        _PROGRAMS[words[0]](words[1:])
        return
    if not words:
        sys.stdout.write(_WHAT_NEXT)
        return
    with exits_cleanly():
        arguments = command_parser().parse_args(words)
        arguments.run(arguments)


def command_parser() -> argparse.ArgumentParser:
    """Return the parser of ``lulcseg``."""
    parser = argparse.ArgumentParser(
        prog="lulcseg",
        description="From an aerial mosaic and digitised polygons to a land-cover map and its accuracy.",
        epilog="train.py and predict.py of a checkout are lulcseg train and lulcseg predict.",
    )
    parser.add_argument("--version", action="version", version=f"lulcseg {__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="command")
    for command in _COMMANDS:
        command.add(commands)
    completion.add(commands, parser)
    return parser


if __name__ == "__main__":
    main()
