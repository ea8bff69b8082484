"""Write a scene at another resolution: python docs/study/resampled_scene.py SCENE NAME METRES OUT."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import yaml


def main() -> None:
    """Write the scene file."""
    if len(sys.argv) != 5 or not Path(sys.argv[1]).is_file():
        sys.exit(
            f"resampled_scene.py: give a scene file that exists, a name, metres and the file to write: {sys.argv[1:]}"
        )
    source, name, metres, out = Path(sys.argv[1]), sys.argv[2], float(sys.argv[3]), Path(sys.argv[4])
    content = _absolute(yaml.safe_load(source.read_text(encoding="utf-8")), source.parent.resolve())
    content |= {"name": name, "resolution": metres}
    out.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")


def _absolute(content: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Return a scene's content with its paths made absolute."""
    content["imagery"]["files"] = [str(folder / name) for name in content["imagery"]["files"]]
    for section in ("labels", "points"):
        content[section]["file"] = str(folder / content[section]["file"])
    if "boundary" in content:
        content["boundary"] = str(folder / content["boundary"])
    return content


if __name__ == "__main__":
    main()
