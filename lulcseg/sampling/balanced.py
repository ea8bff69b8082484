"""The method ``balanced``: the same number of patches for each class, shared among its features by area."""

from __future__ import annotations

from lulcseg.sampling.allocation import equal_classes, share_exactly
from lulcseg.sampling.draw_in_features import counted_in_features
from lulcseg.sampling.feature_counts import by_class

BALANCED = counted_in_features(by_class(lambda areas, n, _names: equal_classes(areas, n), share_exactly))
