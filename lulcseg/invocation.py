"""How this process was called: by a script (``train.py``), as ``lulcseg`` or as ``python -m lulcseg``."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path

PROGRAMS = ("train", "predict")
"""What Hydra reads the command line of: ``train.py`` or ``lulcseg train``, and so on."""


def call_of(program: str) -> str:
    """Return how to call a program in the way that this process was called."""
    return f"python {program}.py" if _is_script() else f"{_lulcseg()} {program}"


def this_command() -> str:
    """Return the command line of this process, as it can be given again."""
    if not _is_script():
        return f"{_lulcseg()} {shlex.join(sys.argv[1:])}"
    name = Path(sys.argv[0])
    script = os.path.relpath(name) if name.is_absolute() and name.is_relative_to(Path.cwd()) else str(name)
    return f"python {shlex.join([script, *sys.argv[1:]])}"


def _is_script() -> bool:
    """Whether a Python file was called by its path, and not lulcseg's own command."""
    path = Path(sys.argv[0])
    return path.suffix == ".py" and path.name != "__main__.py"


def _lulcseg() -> str:
    return "python -m lulcseg" if Path(sys.argv[0]).name == "__main__.py" else "lulcseg"
