"""Hydra's own settings on a command line: which there are."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from typing import Any, get_type_hints

from lulcseg.errors import LulcsegError, did_you_mean


def check_hydras_key(key: str, line: str) -> None:
    """Check that Hydra has a setting; with a plus it would take any other without a word.

    Args:
        key: ``hydra.…``, or a group of it, ``hydra/…``.
        line: The override, for the error.

    Raises:
        LulcsegError: There is none.
    """
    from hydra.conf import HydraConf

    section: Any = HydraConf
    for part in key.split(".")[1:]:
        if not is_dataclass(section):
            return  # an argument of a launcher, an environment variable: free
        known = {field.name for field in fields(section)}
        if part not in known:
            raise LulcsegError(
                f"'{line}' names no setting of Hydra", where="command line", remedy=did_you_mean(part, known)
            )
        section = get_type_hints(section)[part]
