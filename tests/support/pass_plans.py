"""The plans of ``conf/mosaic/`` by name."""

from __future__ import annotations

from lulcseg.mosaic.passes import named_plan
from lulcseg.settings.presets import preset_names

PLANS = {name: named_plan(name) for name in preset_names("mosaic")}
SINGLE, MULTIPLE, CHEAP = PLANS["single"], PLANS["multiple"], PLANS["cheap"]
CROP, ROTATIONS, GRIDS = PLANS["crop"], PLANS["rotations"], PLANS["grids"]
