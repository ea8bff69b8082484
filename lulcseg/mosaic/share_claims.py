"""Who of several processes does what of a map: claims that need no locks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from lulcseg.files import create_once

JOIN, SUBSTITUTE = "join", "substitute"
"""The work of joining all strips, and of waiting to do so in place of who does."""
_SUFFIX = ".claim"
_STRIP = "strip_"


@dataclass(frozen=True, slots=True)
class Claim:
    """A claim to a piece of work.

    Attributes:
        number: How often the piece was claimed before.
        owner: Name of the process; empty for a moment where the file system has no hard links.
        path: Its file.
    """

    number: int
    owner: str
    path: Path


class ShareClaims:
    """The claims of the processes that make a map.

    A claim is a file that one process alone can create: ``<work>.0.claim``, with its name in it. If that process has
    died, another creates ``<work>.1.claim``, which again one alone can do. No claim is ever removed or changed, so
    nobody can take away a claim that he doesn't know of; the last counts.

    Args:
        folder: Folder of the claims; it exists.
        owner: Name of this process.
        is_alive: Whether a process is alive, by its name.
        is_touched: Whether a file was created a short while ago, for claims whose owner isn't written yet.
    """

    def __init__(
        self, folder: Path, owner: str, is_alive: Callable[[str], bool], is_touched: Callable[[Path], bool]
    ) -> None:
        self._folder, self.owner = folder, owner
        self._is_alive, self._is_touched = is_alive, is_touched
        self._owners: dict[Path, str] = {}

    def take(self, work: str) -> bool:
        """Claim a piece of work, unless a process that is alive has it.

        Returns:
            Whether it is this process's.

        Raises:
            OSError: The claim can't be written.
        """
        last = self.all().get(work)
        if last is not None and last.owner == self.owner:
            return True
        if last is not None and self.is_held(last):
            return False
        number = 0 if last is None else last.number + 1
        return create_once(self._folder / f"{work}.{number}{_SUFFIX}", self.owner)

    def is_held(self, claim: Claim) -> bool:
        """Whether the process that made a claim is alive."""
        return self._is_alive(claim.owner) if claim.owner else self._is_touched(claim.path)

    def all(self) -> Mapping[str, Claim]:
        """Return the claim that counts of each piece of work."""
        return last_claims(self._folder.glob(f"*{_SUFFIX}"), self._owners)


def last_claims(paths: Iterable[Path], known: dict[Path, str] | None = None) -> dict[str, Claim]:
    """Return the claim that counts of each piece of work.

    Args:
        paths: The files of all claims.
        known: Owners that were read before; those read now are added.
    """
    owners = {} if known is None else known
    found: dict[str, Claim] = {}
    for path in paths:
        work, _, number = path.name.removesuffix(_SUFFIX).rpartition(".")
        if not number.isdigit() or (work in found and found[work].number > int(number)):
            continue
        found[work] = Claim(int(number), "", path)
    for work, claim in found.items():
        if not owners.get(claim.path):
            owners[claim.path] = _read(claim.path)
        found[work] = Claim(claim.number, owners[claim.path], claim.path)
    return found


def claims_in(folder: Path) -> dict[str, Claim]:
    """Return the claims in a folder, by their work; it need not exist."""
    return last_claims(folder.glob(f"*{_SUFFIX}"))


def strip_work(number: int) -> str:
    """Return the name of the work of making a strip."""
    return f"{_STRIP}{number:05d}"


def strip_claimed(work: str) -> int | None:
    """Return the number of the strip that a claim is to; None for other work.

    >>> strip_claimed(strip_work(7)), strip_claimed(JOIN)
    (7, None)
    """
    number = work.removeprefix(_STRIP)
    return int(number) if work.startswith(_STRIP) and number.isdigit() else None


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError:
        return ""
