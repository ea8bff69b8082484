"""Errors that say what is wrong, where, and what to do about it."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path


class LulcsegError(Exception):
    """Something the user can mend: bad input, a bad setting, a missing file.

    Entry points print it as one sentence and leave with exit code 2; it never shows a
    traceback. Programming mistakes are not of this class and do show one.

    Args:
        what: What is wrong, as a clause without a full stop.
        where: The file or the configuration key it was found in.
        remedy: What the user can do, as a clause without a full stop.
    """

    def __init__(self, what: str, *, where: str | Path | None = None, remedy: str | None = None) -> None:
        """Keep the parts; ``str()`` joins them."""
        super().__init__(what)
        self.what = what
        self.where = None if where is None else str(where)
        self.remedy = remedy

    def __str__(self) -> str:
        """Join the parts: ``where: what; remedy.``."""
        text = self.what if self.where is None else f"{self.where}: {self.what}"
        if self.remedy:
            text = f"{text}; {self.remedy}"
        return text if text.endswith((".", "?")) else f"{text}."

    def __reduce__(self) -> tuple[object, ...]:
        """Survive the pickling that brings an error out of a data-loader worker."""
        return (_rebuild, (self.what, self.where, self.remedy))


def _rebuild(what: str, where: str | None, remedy: str | None) -> LulcsegError:
    return LulcsegError(what, where=where, remedy=remedy)


def describe_error(error: BaseException) -> str:
    """Return what went wrong as a sentence for a record."""
    if isinstance(error, LulcsegError):
        return str(error)
    if isinstance(error, KeyboardInterrupt):
        return "It was interrupted."
    return f"{type(error).__name__}: {error}".removesuffix(": ")


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Name the nearest known word, or list the known ones.

    Args:
        word: What was written.
        known: What could have been written.

    Returns:
        A clause that fits :class:`LulcsegError`'s ``remedy``.
    """
    options = sorted(known)
    near = difflib.get_close_matches(word, options, n=1, cutoff=0.6)
    if near:
        return f"did you mean '{near[0]}'?"
    return "use one of: " + ", ".join(options) if options else "none is known here"


def failure_state(error: BaseException) -> str:
    """Return what a record calls a run that ended by an error: ``interrupted`` by somebody, or ``failed``."""
    return "interrupted" if isinstance(error, KeyboardInterrupt) else "failed"


@contextmanager
def exits_cleanly() -> Iterator[None]:
    """Turn :class:`LulcsegError` into one sentence on stderr and exit code 2."""
    try:
        yield
    except LulcsegError as error:
        sys.stderr.write(f"lulcseg: {error}\n")
        raise SystemExit(2) from None
