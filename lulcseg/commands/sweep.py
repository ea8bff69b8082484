"""``lulcseg sweep``: how far trials are, and their definitions for Weights & Biases."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any


def add(commands: Any) -> None:
    """Add the command to ``lulcseg``'s."""
    sweep = commands.add_parser("sweep", help="show how far trials are, or define one for Weights & Biases")
    actions = sweep.add_subparsers(title="actions", required=True, metavar="action")
    status = actions.add_parser("status", help="done, running, failed, missing, and time left")
    status.add_argument("folders", type=Path, nargs="+", metavar="folder", help="folder of a trial: runs/<trial>")
    status.set_defaults(run=_status)
    wandb = actions.add_parser("wandb", help="write a sweep of sweeps/ as a W&B sweep, to standard output")
    wandb.add_argument("sweep", help="name of a file of sweeps/, without ending")
    wandb.add_argument("overrides", nargs="*", metavar="key=value", help="settings that every run gets")
    wandb.set_defaults(run=_wandb)


def _status(arguments: argparse.Namespace) -> None:
    from lulcseg.launch.status import print_status, survey

    surveyed = [(folder.expanduser().resolve(), survey(folder.expanduser().resolve())) for folder in arguments.folders]
    for folder, runs in surveyed:
        print_status(folder, runs)


def _wandb(arguments: argparse.Namespace) -> None:
    import yaml

    from lulcseg.launch.agents import wandb_sweep

    definition = wandb_sweep(arguments.sweep, arguments.overrides)
    sys.stdout.write(yaml.safe_dump(definition, sort_keys=False, allow_unicode=True, width=1000))
