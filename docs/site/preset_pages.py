"""Reference of what is chosen by name: presets of ``conf/``, experiments and sweeps, as their files are."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from lulcseg.launch.experiments import series_of_experiments
from lulcseg.settings.configuration_folders import CONF, SHIPPED, SWEEPS, group_names

_APART = {"experiment", "scenes"}


def preset_pages() -> dict[str, str]:
    """Return the pages: name → Markdown."""
    presets = "".join(
        _chapter(f"{group}=…", sorted((CONF / group).glob("*.yaml"))) for group in sorted(group_names() - _APART)
    )
    series = "".join(f"- `{name}`\n" for name in series_of_experiments())
    return {
        "presets.md": "# Presets\n\nWhat a group sets by one word, such as `augment=paper`; single keys on the command "
        "line go over it.\n\n" + presets + _chapter("scene=…", sorted((CONF / "scenes").glob("*.yaml"))),
        "experiments.md": "# Experiments\n\nChosen by `+experiment=…`; the command line goes over it.\n\n"
        + _chapter("Experiments", sorted((CONF / "experiment").glob("*.yaml")))
        + "## Series\n\nExperiments that differ in a few numbers, of `conf/series.yaml`:\n\n"
        + series
        + f"\n{_fence(CONF / 'series.yaml')}",
        "sweeps.md": "# Sweeps\n\nTrials, chosen by `lulcseg train -m +sweeps=…`; how they are run: "
        "[running trials](../sweeps.md).\n\n"
        + _chapter("Sweeps", sorted((SHIPPED / SWEEPS).glob("*.yaml")))
        + _chapter("What they share", sorted((SHIPPED / SWEEPS / "base").glob("*.yaml"))),
    }


def _chapter(title: str, files: Iterable[Path]) -> str:
    return f"## {title}\n\n" + "".join(f"### {path.stem}\n\n{_fence(path)}\n" for path in files)


def _fence(path: Path) -> str:
    return f"```yaml\n{path.read_text(encoding='utf-8').strip()}\n```\n"
