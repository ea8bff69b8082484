"""Reference of the Python interface: what it lists is rendered from the docstrings by mkdocstrings."""

from __future__ import annotations

import lulcseg

_FURTHER = {
    "Settings": ["lulcseg.launch.compose.compose"],
    "What they return": [
        "lulcseg.mosaic.mapping.MapResult",
        "lulcseg.assessment.assessment.Assessment",
        "lulcseg.assessment.scores.Scores",
        "lulcseg.assessment.design_based.DesignRequest",
        "lulcseg.assessment.assess_files.assess_files",
    ],
    "A run's folder": [
        "lulcseg.run_folder.folder.RunFolder",
        "lulcseg.run_folder.record.RunRecord",
    ],
    "Values used throughout": ["lulcseg.grid", "lulcseg.legend", "lulcseg.errors"],
    "To extend": ["lulcseg.settings.registry.Registry", "lulcseg.augment.operation.Operation"],
}

_MEMBERS = {"SegmentationTask": ["load_from_checkpoint", "forward"]}
"""What is shown of a class of which most is called by Lightning alone."""


def python_page() -> str:
    """Return the page."""
    offered = "".join(_entry(name) for name in lulcseg.__all__)
    further = "".join(
        f"## {title}\n\n" + "".join(f"::: {name}\n\n" for name in names) for title, names in _FURTHER.items()
    )
    return (
        "# Python\n\nShapes, units and errors are in the docstrings. How they are used: "
        "[read a run](../notebooks/read_a_run.md), [assess a map](../notebooks/assess_a_map.md). Sections of settings, "
        "such as `lulcseg.settings.sampling.SamplingSettings`, have the fields of [settings of training](train.md).\n\n"
        f"## What `from lulcseg import …` offers\n\n{offered}{further}"
    )


def _entry(name: str) -> str:
    """Return what makes mkdocstrings show a name that lulcseg offers."""
    options = f"    options:\n      members: {_MEMBERS[name]}\n" if name in _MEMBERS else ""
    return f"::: {lulcseg._MODULES[name]}.{name}\n{options}\n"
