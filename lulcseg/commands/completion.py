"""``lulcseg completion``: a script by which a shell completes the commands and their options."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from functools import partial

from lulcseg.commands.parsers import Commands, add_command, as_file, as_path
from lulcseg.errors import LulcsegError

SHELLS = ("bash", "zsh")


def add(commands: Commands, whole: argparse.ArgumentParser) -> None:
    """Add the command.

    Args:
        commands: What to add it to.
        whole: The parser that is completed, with every other command.
    """
    parser = add_command(
        commands,
        "completion",
        partial(_run, whole),
        help="print a script for a shell that completes commands and their options",
        description="Print a script that completes commands, options and files; settings of train and predict, which "
        'Hydra reads, are left out. In bash: eval "$(lulcseg completion bash)", or the script as a file in '
        "~/.local/share/bash-completion/completions/lulcseg. In zsh: the script as a file _lulcseg in a folder of "
        "$fpath.",
    )
    parser.add_argument("shell", choices=SHELLS, help="the shell to write for")


def _run(whole: argparse.ArgumentParser, arguments: argparse.Namespace) -> None:
    try:
        import shtab
    except ImportError as error:
        raise LulcsegError(
            "shtab, which writes the script, isn't installed",
            where="completion",
            remedy="run pip install 'lulcseg[completion]'",
        ) from error
    for parser in _parsers(whole):
        for action in parser._actions:
            if action.type in {as_path, as_file}:
                action.complete = shtab.FILE  # type: ignore[attr-defined]
    sys.stdout.write(shtab.complete(whole, shell=arguments.shell) + "\n")


def _parsers(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    """Yield a parser and those of its commands."""
    yield parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for each in action.choices.values():
                yield from _parsers(each)
