"""Text as Markdown in tables."""

from __future__ import annotations

import re


def code(text: str) -> str:
    """Return text as code."""
    return f"`{text}`"


def cell(text: str) -> str:
    """Return a sentence for a cell of a table: in one line, with what Markdown would take for markup escaped.

    Code in backticks stays as it is.
    """
    parts = re.split(r"(`[^`]*`)", " ".join(text.split()))
    return "".join(part if part.startswith("`") else _escaped(part) for part in parts)


def _escaped(text: str) -> str:
    return re.sub(r"([*_\[\]|])", r"\\\1", text.replace("<", "&lt;"))
