"""The process of a replicate: started, waited for, and ended together with its sweep."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

from lulcseg.processes import RANKS, export_import_path

_LIFELINE = "LULCSEG_LIFELINE"
_MODULE = "lulcseg.launch.replicate"
_PATIENCE = 120.0
"""Seconds that an interrupted replicate has to write its record."""
_NOT_OURS = (*RANKS, "LULCSEG_RUN_DIR", "PL_GLOBAL_SEED")
"""Environment variables that would make the replicate believe it is one of the sweep's own ranks."""


def run_child(run_dir: Path, lock: int) -> int:
    """Run a replicate in a fresh process, on this terminal, and wait for it.

    Interrupting or killing this process ends it too: it reads from a pipe that closes with this process.

    Args:
        run_dir: Its folder, which holds the request.
        lock: Descriptor of its lock, which it keeps as long as it runs.

    Returns:
        Its exit code, negative for a signal.
    """
    export_import_path()
    env = {key: value for key, value in os.environ.items() if key not in _NOT_OURS}
    command = [sys.executable, "-m", _MODULE, str(run_dir)]
    if os.name != "posix":
        return subprocess.run(command, env=env, check=False).returncode
    ours, theirs = _pipe()
    try:
        env[_LIFELINE] = str(theirs)
        # a process group of its own, so that an interruption comes once: from here
        process = subprocess.Popen(command, env=env, pass_fds=[theirs, lock], process_group=0)
    finally:
        os.close(theirs)
    try:
        return process.wait()
    except BaseException as error:
        _end(process, signal.SIGINT if isinstance(error, KeyboardInterrupt) else signal.SIGTERM)
        raise
    finally:
        os.close(ours)
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)  # other ranks and loaders that it may have left


def end_with_parent() -> None:
    """Interrupt this process once its parent has ended, and on SIGTERM as on Ctrl-C.

    SIGINT is enabled too, as a shell's background job, which ignores it, may have started the sweep.
    Slurm sends its notice of the time limit to all processes of a job; it is meant for the parent, and ignored here.
    """
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.default_int_handler)
    if os.name == "posix":
        signal.signal(signal.SIGUSR2, signal.SIG_IGN)
    if (descriptor := os.environ.pop(_LIFELINE, None)) is None:
        return

    def wait() -> None:
        with suppress(OSError):
            os.read(int(descriptor), 1)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=wait, daemon=True, name="lifeline").start()


def _pipe() -> tuple[int, int]:
    reading, writing = os.pipe()
    return writing, reading


def _end(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    """Interrupt a process and wait for it; kill it on a second interruption or after too long a wait."""
    with suppress(ProcessLookupError):
        process.send_signal(number)
    try:
        process.wait(_PATIENCE)
    except BaseException:
        process.kill()
        process.wait()
        raise
