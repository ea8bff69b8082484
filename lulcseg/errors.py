"""Errors for users: what is wrong, where, and what to do about it."""

from __future__ import annotations

import difflib
import os
import re
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
"""Characters that would end a line, or steer a terminal."""


class LulcsegError(Exception):
    """An error that the user can fix: bad input, a bad setting, a missing file.

    Entry points print it as one sentence, without a traceback, and exit with code 2. Programming errors
    are of other classes and keep their traceback.

    Args:
        what: What is wrong, as a clause without a full stop.
        where: The file or the configuration key it was found in.
        remedy: What the user can do, as a clause without a full stop.
    """

    def __init__(self, what: str, *, where: str | os.PathLike[str] | None = None, remedy: str | None = None) -> None:
        super().__init__(what)
        self.what = what
        self.where = None if where is None else str(where)
        self.remedy = remedy

    def __str__(self) -> str:
        """Join the parts: ``where: what; remedy.``; control characters of quoted input are escaped."""
        text = self.what if self.where is None else f"{self.where}: {self.what}"
        if self.remedy:
            text = f"{text}; {self.remedy}"
        text = _CONTROL.sub(lambda found: repr(found[0])[1:-1], text)
        return text if text.endswith((".", "?")) else f"{text}."

    def __reduce__(self) -> tuple[object, ...]:
        """Support pickling, which brings an error out of a data-loader worker."""
        return (_rebuild, (self.what, self.where, self.remedy))


def _rebuild(what: str, where: str | None, remedy: str | None) -> LulcsegError:
    return LulcsegError(what, where=where, remedy=remedy)


def describe_error(error: BaseException) -> str:
    """Return an error as a sentence for a run's record."""
    if isinstance(error, LulcsegError):
        return str(error)
    if isinstance(error, KeyboardInterrupt):
        return "It was interrupted."
    return f"{type(error).__name__}: {error}".removesuffix(": ")


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Suggest the known word nearest to a misspelt one, or list the known words.

    Args:
        word: The misspelt word.
        known: The known words.

    Returns:
        A clause for the ``remedy`` of :class:`LulcsegError`.

    Example:
        >>> did_you_mean("stratifed", ["grid", "stratified"])
        "did you mean 'stratified'?"
        >>> did_you_mean("x", ["grid", "stratified"])
        'use one of: grid, stratified'
    """
    options = sorted(known)
    near = difflib.get_close_matches(word, options, n=1, cutoff=0.6)
    if near:
        return f"did you mean '{near[0]}'?"
    return "use one of: " + ", ".join(options) if options else "none is known here"


def failure_state(error: BaseException) -> str:
    """Return the state of a run that ended with an error, for its record: ``interrupted`` or ``failed``."""
    return "interrupted" if isinstance(error, KeyboardInterrupt) else "failed"


@contextmanager
def exits_cleanly() -> Iterator[None]:
    """Turn a :class:`LulcsegError` into one sentence on stderr and exit code 2."""
    try:
        yield
    except LulcsegError as error:
        sys.stderr.write(f"lulcseg: {error}\n")
        raise SystemExit(2) from None
