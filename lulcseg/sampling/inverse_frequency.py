"""The method ``inverse_frequency``: patches of a class in inverse proportion to its area, shared among its features."""

from __future__ import annotations

from lulcseg.sampling.allocation import inverse_classes, share_exactly
from lulcseg.sampling.draw_in_features import counted_in_features
from lulcseg.sampling.feature_counts import by_class

INVERSE_FREQUENCY = counted_in_features(by_class(inverse_classes, share_exactly))
