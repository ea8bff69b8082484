"""Names of maps for people, from the mosaic setting that they were made with."""

from __future__ import annotations

from collections.abc import Mapping

_PASSES = {
    "single": "single pass",
    "multiple": "multiple pass",
    "cheap": "two passes",
    "crop": "trimmed patches",
}

_ADAPTED = {"histogram": "matched to the training mosaics", "norm": "with the mosaic's batch norm"}


def map_title(mosaic: str | None) -> str:
    """Return the title of a map: its passes, changes to them, and the statistics used in place of the batch's.

    Args:
        mosaic: Label of the mosaic setting, such as ``single``, ``multiple-hann``, ``single_patch``; None: unknown.

    Example:
        >>> map_title("multiple-hann")
        'Map, multiple pass (hann)'
        >>> map_title("single_patch")
        'Map, single pass, scaled over the patch'
        >>> map_title("single_histogram")
        'Map, single pass, matched to the training mosaics'
        >>> map_title("single_batch_norm")
        "Map, single pass, with the mosaic's batch norm"
        >>> map_title(None)
        'Map'
    """
    label, *variants = (mosaic or "").replace("batch_norm", "norm").split("_")
    name, *changes = label.split("-")
    if name == "own":
        passes = "passes of its own"
    elif name in _PASSES:
        passes = _PASSES[name]
    else:
        return "Map"
    passes += f" ({', '.join(changes)})" if changes else ""
    said = [_ADAPTED.get(v, f"scaled over the {v}") for v in variants]
    return ", ".join([f"Map, {passes}", *said])


def describe_passes(tags: Mapping[str, str]) -> str:
    """Return the passes that a map was made with, according to its tags; empty if they don't state them.

    Args:
        tags: The map's metadata; its key ``mosaic`` is read.

    Example:
        >>> describe_passes({"mosaic": "multiple"})
        'multiple pass'
    """
    label = tags.get("mosaic", "")
    return map_title(label).removeprefix("Map").removeprefix(", ") or label.replace("_", " ")
