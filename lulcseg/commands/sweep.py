"""``lulcseg sweep``: progress of trials, and their definitions for Weights & Biases."""

from __future__ import annotations

import argparse
import sys

from lulcseg.commands.parsers import Commands, add_actions, add_command, as_path


def add(commands: Commands) -> None:
    """Add the command."""
    actions = add_actions(commands, "sweep", help="show the progress of trials, or define one for Weights & Biases")
    status = add_command(actions, "status", _status, help="count runs done, running, failed and missing; time left")
    status.add_argument("folders", type=as_path, nargs="+", metavar="folder", help="folder of a trial: runs/<trial>")
    wandb = add_command(actions, "wandb", _wandb, help="print a sweep of sweeps/ as a W&B sweep")
    wandb.add_argument("sweep", help="name of a file in sweeps/, without its ending")
    wandb.add_argument("overrides", nargs="*", metavar="key=value", help="settings that every run gets")


def _status(arguments: argparse.Namespace) -> None:
    from lulcseg.launch.status import print_status, survey

    surveyed = [(folder.expanduser().resolve(), survey(folder.expanduser().resolve())) for folder in arguments.folders]
    for folder, runs in surveyed:
        print_status(folder, runs)


def _wandb(arguments: argparse.Namespace) -> None:
    import yaml

    from lulcseg.launch.wandb_agents import wandb_sweep

    definition = wandb_sweep(arguments.sweep, arguments.overrides)
    sys.stdout.write(yaml.safe_dump(definition, sort_keys=False, allow_unicode=True, width=1000))
