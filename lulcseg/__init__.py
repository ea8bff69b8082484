"""lulcseg: from a mosaic and digitised polygons to a land-cover map with an accuracy statement."""

from __future__ import annotations

__version__ = "0.1.0"
