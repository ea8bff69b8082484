"""Checks of a built site: every link leads somewhere, and no page asks another host for anything."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

_FETCHED = {"script": "src", "img": "src", "iframe": "src", "source": "src", "link": "href", "video": "src"}
_URL = re.compile(r"url\(\s*['\"]?((?:https?:)?//[^)'\"]+)")


class _Page(HTMLParser):
    """What a page links to, what a browser fetches for it, and the places in it that can be linked to."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.fetched: list[str] = []
        self.places: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element."""
        found = {name: value or "" for name, value in attrs}
        self.places |= {found[name] for name in ("id", "name") if name in found}
        if tag == "a" and "href" in found:
            self.links.append(found["href"])
        if tag in _FETCHED and _FETCHED[tag] in found:
            self.fetched.append(found[_FETCHED[tag]])


def problems(site: Path) -> list[str]:
    """Return what is wrong with a built site, a sentence each.

    Args:
        site: Its folder.
    """
    pages = {path: _Page(path.read_text(encoding="utf-8")) for path in sorted(site.rglob("*.html"))}
    found = []
    for path, page in pages.items():
        name = path.relative_to(site)
        if name.name == "404.html":  # its links start at the host's root
            continue
        found += [f"{name} fetches {url}" for url in page.fetched if _is_elsewhere(url)]
        found += [f"{name} uses {url}, which isn't there" for url in page.fetched if _missing(path, url)]
        found += [f"{name} links to {link}, which isn't there" for link in page.links if _broken(path, link, pages)]
    for path in sorted(site.rglob("*.css")):
        found += [f"{path.relative_to(site)} fetches {url}" for url in _URL.findall(path.read_text(encoding="utf-8"))]
    return found


def _is_elsewhere(url: str) -> bool:
    return bool(urlsplit(url).netloc)


def _missing(page: Path, url: str) -> bool:
    parts = urlsplit(url)
    return not (parts.scheme or parts.netloc) and not (page.parent / unquote(parts.path)).is_file()


def _broken(page: Path, link: str, pages: dict[Path, _Page]) -> bool:
    parts = urlsplit(link)
    if parts.scheme or parts.netloc:
        return False
    target = page if not parts.path else (page.parent / unquote(parts.path)).resolve()
    if target.is_dir():
        target /= "index.html"
    if not target.is_file():
        return True
    return bool(parts.fragment) and target in pages and unquote(parts.fragment) not in pages[target].places
