"""How every command adds itself to ``lulcseg``, and the arguments that several share."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

from lulcseg.files import path_of, target_of
from lulcseg.scene.file_names import FileName, locate

RASTERS = frozenset({".tif", ".tiff", ".vrt", ".img"})
"""Endings of files that are taken for rasters."""

type Commands = argparse._SubParsersAction[argparse.ArgumentParser]
"""The commands of ``lulcseg``, or the actions of a command, to add another to."""


def add_command(
    commands: Commands,
    name: str,
    run: Callable[[argparse.Namespace], None],
    *,
    help: str,
    description: str | None = None,
    usage: str | None = None,
    aliases: Sequence[str] = (),
) -> argparse.ArgumentParser:
    """Add a command.

    Args:
        commands: What to add it to.
        name: Its name.
        run: Function called with the parsed arguments.
        help: What it does, in a line of ``--help``.
        description: What its own ``--help`` says; None: ``help`` as a sentence.
        usage: Its usage line; None: argparse's.
        aliases: Other names that it answers to, listed in ``--help``.

    Returns:
        Its parser, to add arguments to.
    """
    described = description or f"{help[:1].upper()}{help[1:]}."
    parser = commands.add_parser(name, aliases=list(aliases), help=help, description=described, usage=usage)
    parser.set_defaults(run=run)
    return parser


def add_program(commands: Commands, name: str, help: str) -> None:
    """List a program whose command line Hydra reads: :func:`lulcseg.cli.main` calls it before any parser does."""
    commands.add_parser(name, add_help=False, help=help)


def add_actions(commands: Commands, name: str, *, help: str) -> Commands:
    """Add a command that consists of actions, such as ``lulcseg study results``.

    Returns:
        What to add the actions to, with :func:`add_command`.
    """
    parser = commands.add_parser(name, help=help, description=f"{help[:1].upper()}{help[1:]}.")
    return parser.add_subparsers(title="actions", required=True, metavar="action")


def as_path(text: str) -> Path:
    """Return the path that an argument names; it need not exist.

    Raises:
        LulcsegError: Nothing can be there, or it is an address: what is read from one is by :func:`as_file`.
    """
    return path_of(text, "the command")


def as_target(text: str) -> Path:
    """Return the path of what an argument asks to be written.

    Raises:
        LulcsegError: Nothing can be there, or it is an address.
    """
    return target_of(text, "the command")


def as_file(text: str) -> FileName:
    """Return the file that an argument names: by a path, or elsewhere by an address.

    Raises:
        LulcsegError: Nothing can be there, or it is an address of a kind that can't be read.
    """
    return locate(text, "the command")


def as_seed(text: str) -> int:
    """Return the seed that an argument gives.

    Raises:
        argparse.ArgumentTypeError: It is not a whole number of 0 or more.

    Example:
        >>> as_seed("7")
        7
    """
    if not text.strip().isdecimal():
        raise argparse.ArgumentTypeError(f"{text} is not a seed; give a whole number of 0 or more")
    return int(text)


def add_cache(parser: argparse.ArgumentParser) -> None:
    """Add ``--cache``."""
    parser.add_argument("--cache", type=as_target, help="folder for label rasters and synthetic scenes")
