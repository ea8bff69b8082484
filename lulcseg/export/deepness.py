"""Metadata by which the QGIS plugin Deepness sets itself up for a model (its versions from 0.6.1 on).

Deepness divides pixel values by 255, whatever their type, and then takes a mean and a standard deviation from the file:
a mean of 0 and a deviation of 1/255 give the raw values back. It sets the size of its tiles to that of the graph's
input, which must be a number, keeps the middle of overlapping tiles, and takes the class of the highest probability
unless a threshold is set.
"""

from __future__ import annotations

import json

from lulcseg.export.exported_model import ExportedModel

OVERLAP = 25
"""Overlap of tiles, in percent of their side: an eighth is cut off at each edge, as with ``mosaic=crop``."""

_CENTIMETRES = 100


def deepness_metadata(model: ExportedModel) -> dict[str, str]:
    """Return the metadata, each value as JSON.

    Classes are numbered from 0 in the legend's order: Deepness refuses gaps, which a legend's codes may have.
    """
    record = model.record
    values = {
        "model_type": "Segmentor",
        "class_names": {str(number): name for number, name in enumerate(record.to_legend().names)},
        "resolution": round(record.resolution[0] * _CENTIMETRES, 6),
        "tile_size": model.patch_size,
        "tiles_size": model.patch_size,  # the name in its documents; its code reads tile_size
        "tiles_overlap": OVERLAP,
        "standardization_mean": [0.0] * record.bands,
        "standardization_std": [1 / 255] * record.bands,
        "seg_thresh": 0.0,
        "seg_small_segment": 0,
    }
    return {key: json.dumps(value, ensure_ascii=False) for key, value in values.items()}
