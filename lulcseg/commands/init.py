"""``lulcseg init``: a folder for a project, with a commented scene, experiment and trial to change."""

from __future__ import annotations

import argparse
import shlex
import sys
from pathlib import Path

from lulcseg.commands.parsers import Commands, add_command, as_path
from lulcseg.errors import LulcsegError
from lulcseg.files import make_folder, replacing

STARTER = Path(__file__).parent / "project"


def add(commands: Commands) -> None:
    """Add the command."""
    parser = add_command(
        commands, "init", _run, help="make a folder for a scene, an experiment and a trial of your own, with comments"
    )
    parser.add_argument("folder", type=as_path, help="the project's folder, new or empty")


def _run(arguments: argparse.Namespace) -> None:
    folder: Path = arguments.folder
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise LulcsegError("it exists and isn't empty", where=folder, remedy="name a new folder")
    files = sorted(path for path in STARTER.rglob("*") if path.suffix in {".yaml", ".md"})
    make_folder(folder, "it")
    for source in files:
        with replacing(folder / source.relative_to(STARTER)) as part:
            part.write_bytes(source.read_bytes())
    listed = "".join(f"  {source.relative_to(STARTER)}\n" for source in files)
    sys.stdout.write(f"{folder}\n{listed}Next: cd {shlex.quote(str(folder))}, and read README.md\n")
