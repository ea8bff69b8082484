"""Builds the documentation site offline: ``python docs/site/build.py [folder]``, by default into ``build/site``."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from command_page import command_page
from link_check import problems
from preset_pages import preset_pages
from python_page import python_page
from settings_pages import settings_pages
from site_pages import HERE, ROOT, gather_pages

_SHIM = '<script src="https://unpkg.com/iframe-worker/shim" type="text/javascript">'
"""What the theme fetches so that search works in pages opened as files; assets/file_worker.js takes its place."""


def main(out: Path) -> int:
    """Build the site.

    Args:
        out: Its folder, which is replaced.

    Returns:
        The exit code: 0, or 1 if anything is wrong with the site.
    """
    with tempfile.TemporaryDirectory() as folder:
        site = build(Path(folder))
        found = ["the build failed or warned"] if site is None else problems(site)
        sys.stderr.writelines(f"{problem}\n" for problem in found)
        if site is None or found:
            return 1
        shutil.rmtree(out, ignore_errors=True)
        shutil.copytree(site, out)
    sys.stdout.write(f"Open {out / 'index.html'} in a browser\n")
    return 0


def build(project: Path) -> Path | None:
    """Put the pages together and build them.

    Args:
        project: An empty folder to do it in.

    Returns:
        The site's folder; None if anything was warned of.
    """
    pages = project / "docs"
    pages.mkdir()
    gather_pages(pages)
    write_reference(pages / "reference")
    settings = (HERE / "zensical.toml").read_text(encoding="utf-8")
    (project / "zensical.toml").write_text(settings.replace("CHECKOUT", ROOT.as_posix()), encoding="utf-8")
    command = [sys.executable, "-m", "zensical", "build", "--strict", "--clean"]
    if subprocess.run(command, cwd=project, check=False).returncode:
        return None
    keep_at_home(project / "site")
    return project / "site"


def write_reference(folder: Path) -> None:
    """Write the pages that are made from the code."""
    folder.mkdir(parents=True)
    pages = {"commands.md": command_page(), "python.md": python_page(), **settings_pages(), **preset_pages()}
    for name, text in pages.items():
        (folder / name).write_text(text, encoding="utf-8")


def keep_at_home(site: Path) -> None:
    """Let pages use the site's own script in place of the one that the theme fetches from another host."""
    for path in site.rglob("*.html"):
        text = path.read_text(encoding="utf-8")
        up = "../" * (len(path.relative_to(site).parts) - 1)
        path.write_text(text.replace(_SHIM, f'<script src="{up}assets/file_worker.js">'), encoding="utf-8")


if __name__ == "__main__":
    raise SystemExit(main(Path(sys.argv[1]) if sys.argv[1:] else ROOT / "build" / "site"))
