"""Ctrl-C and SIGTERM of a single run: one sentence on how to go on, and the exit code of the signal."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

from lulcseg.errors import LulcsegError
from lulcseg.launch.trial_folder import folder_of
from lulcseg.processes import is_rank_zero
from lulcseg.settings.config import TrainConfig


@contextmanager
def says_how_to_go_on(settings: Any) -> Iterator[None]:
    """End the block with one sentence where it is interrupted: exit code 130 by Ctrl-C, 143 by SIGTERM.

    SIGTERM interrupts as Ctrl-C does, so that the run's record is closed.

    Args:
        settings: The run's.
    """
    received: list[int] = []

    def terminated(number: int, _: Any) -> NoReturn:
        received.append(number)
        raise KeyboardInterrupt

    main = threading.current_thread() is threading.main_thread()
    earlier = signal.signal(signal.SIGTERM, terminated) if main else None
    try:
        yield
    except KeyboardInterrupt:
        if is_rank_zero():
            sys.stderr.write(f"lulcseg: interrupted; {_remedy(settings)}.\n")
        raise SystemExit(128 + (received[0] if received else signal.SIGINT)) from None
    finally:
        if main:
            signal.signal(signal.SIGTERM, earlier)


def _remedy(settings: Any) -> str:
    if not isinstance(settings, TrainConfig):
        return "the same command resumes it"
    try:
        folder = folder_of(settings)
    except LulcsegError:
        return "the same command begins it anew"
    if folder.last.is_file():
        return f"the same command with another run_dir and ckpt_path={folder.last} goes on from there"
    if folder.has_record:
        return f"no epoch was finished: remove {folder.path}, or choose another run_dir, and give the same command"
    return "the same command begins it anew"
