"""The pages of the site: the documents of the repository, with links that fit where the pages lie."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import jupytext

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
TOP = {"CONTRIBUTING.md": "contributing.md", "CHANGELOG.md": "changelog.md", "SECURITY.md": "security.md"}
"""Documents of the repository's top level that are pages, and their names there."""

_LINK = re.compile(r"(\]\()([^)\s#]+)")
_TAG = re.compile(r"\[([A-Z]+\d+\.\w+) ([+−]?\d*\.\d+(?:\\\*|[‡=?])†?)\](\**)(?: (\([^()\s]+ to [^()\s]+\)))?")
"""A claim's tag in the study's pages: row, size with its mark, and interval (:mod:`lulcseg.study.claims`)."""
_SHOWN = {".md", ".png", ".jpg", ".csv"}


def gather_pages(pages: Path) -> None:
    """Copy every document, picture and notebook into a folder.

    Args:
        pages: The folder, new.
    """
    docs = ROOT / "docs"
    for path in sorted(docs.rglob("*")):
        inner = path.relative_to(docs)
        if path.suffix in _SHOWN and inner.parts[0] != HERE.name:
            (pages / inner).parent.mkdir(parents=True, exist_ok=True)
            if path.suffix == ".md":
                (pages / inner).write_text(_on_site(path.read_text(encoding="utf-8"), path), encoding="utf-8")
            else:
                shutil.copy(path, pages / inner)
    for name, page in TOP.items():
        text = (ROOT / name).read_text(encoding="utf-8")
        (pages / page).write_text(_on_site(text, ROOT / name), encoding="utf-8")
    for path in sorted((docs / "notebooks").glob("*.py")):
        (pages / "notebooks").mkdir(exist_ok=True)
        text = notebook_page(path)
        (pages / "notebooks" / f"{path.stem}.md").write_text(_on_site(text, path), encoding="utf-8")
    shutil.copytree(HERE / "assets", pages / "assets")


def notebook_page(path: Path) -> str:
    """Return a notebook kept as Python as Markdown: its text, and its code in fences."""
    notebook = jupytext.read(path)
    cells = (
        cell.source if cell.cell_type == "markdown" else f"```python\n{cell.source}\n```" for cell in notebook.cells
    )
    return "\n\n".join(cells) + "\n"


def _on_site(text: str, path: Path) -> str:
    """Return a document whose relative links lead to pages of the site, and in which a tag's row is set small."""
    shown = _TAG.sub(_effect, text)
    return _LINK.sub(lambda found: found[1] + _target(found[2], path), shown)


def _effect(tag: re.Match[str]) -> str:
    """Return a tag, and the interval behind it, as neither breaks across lines."""
    interval = f' <span class="effect">{tag[4]}</span>' if tag[4] else ""
    return f'<span class="effect">{tag[2]} <small>{tag[1]}</small></span>{tag[3]}{interval}'


def _target(link: str, path: Path) -> str:
    """Return where a link of a document leads on the site; what is no page there stays as it is."""
    if ":" in link:
        return link
    leads = (path.parent / link).resolve()
    if leads == ROOT / "README.md":
        leads = ROOT / "docs" / "index.md"
    if not leads.is_relative_to(ROOT):
        return link
    inner = leads.relative_to(ROOT)
    page = TOP.get(inner.as_posix())
    if page is None:
        if inner.parts[0] != "docs":
            return link
        page = Path(*inner.parts[1:]).as_posix()
    if page.startswith("notebooks/") and page.endswith(".py"):
        page = page.removesuffix(".py") + ".md"
    above = len(path.relative_to(ROOT).parts) - (1 if path.parent == ROOT else 2)
    return "../" * above + page
