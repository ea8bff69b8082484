"""One writer at a time in a run's folder, which goes again if what was to be written there is refused."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

from lulcseg.errors import LulcsegError
from lulcseg.files import make_folder
from lulcseg.locks import LockedElsewhereError, exclusive
from lulcseg.run_folder.folder import RunFolder


@contextmanager
def sole_writer(folder: RunFolder, key: str) -> Iterator[None]:
    """Let this process alone write to a run's folder, which is created if missing.

    If the block ends in a :class:`LulcsegError` before a step of training or a map was done, a folder that was empty
    before is removed, so that the same command can be given again once its input is mended.

    Args:
        folder: The folder.
        key: Setting that named it, for the remedy.

    Raises:
        LulcsegError: Another process is writing to it, or this one can't.
    """
    make_folder(folder.path, key)
    refused = False
    with ExitStack() as stack:
        _enter(stack, folder, key)
        was_empty = all(path == folder.writer_lock for path in folder.path.iterdir())
        try:
            yield
        except LulcsegError:
            if refused := was_empty and not _has_results(folder):
                _clear(folder)
            raise
        finally:
            stack.close()
            if refused:
                with suppress(OSError):  # another process has come meanwhile
                    folder.path.rmdir()


def _enter(stack: ExitStack, folder: RunFolder, key: str) -> None:
    try:
        stack.enter_context(exclusive(folder.writer_lock, wait=False))
    except LockedElsewhereError:
        raise LulcsegError(
            "another process is writing to it",
            where=folder.path,
            remedy=f"wait until it has ended, or choose another {key}",
        ) from None
    except OSError as error:
        raise LulcsegError(
            f"it can't be written to ({error.strerror})", where=folder.path, remedy=f"set {key} to a folder that can"
        ) from error


def _has_results(folder: RunFolder) -> bool:
    """Whether a training has begun in a folder, or a map was finished or begun."""
    begun = (folder.progress, folder.best, folder.last)
    return any(path.exists() for path in begun) or (folder.maps.is_dir() and any(folder.maps.iterdir()))


def _clear(folder: RunFolder) -> None:
    for path in folder.path.iterdir():
        if path == folder.writer_lock:
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            with suppress(OSError):
                path.unlink()
