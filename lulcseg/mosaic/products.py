"""Rasters made of class probabilities: the class map, and layers that describe its uncertainty."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from lulcseg.legend import IGNORE, Legend
from lulcseg.maps.raster_layouts import class_layout, share_layout
from lulcseg.maps.share_encoding import SHARE_STEPS
from lulcseg.maps.writer import RasterLayout
from lulcseg.mosaic.blend import FinishedRows

CLASSES, PROBABILITIES, CONFIDENCE, ENTROPY, DISAGREEMENT = (
    "classes", "probabilities", "confidence", "entropy", "disagreement",
)  # fmt: skip
LAYERS = (PROBABILITIES, CONFIDENCE, ENTROPY, DISAGREEMENT)
"""Rasters that can be written beside the class map."""
DISAGREEMENT_BANDS = ("disagreement", "between models", "between views")
"""Bands of the disagreement of several models; of one model it is the first alone."""


@dataclass(frozen=True, slots=True)
class Product:
    """A raster to write.

    Attributes:
        key: Its name.
        layout: How it is stored.
        make: Converts finished rows to (bands, h, W) uint8 on their device, without nodata.
    """

    key: str
    layout: RasterLayout
    make: Callable[[FinishedRows], Tensor]

    def __call__(self, rows: FinishedRows) -> Tensor:
        """Return (bands, h, W) uint8 on the rows' device, 255 where the imagery is invalid."""
        return self.make(rows).masked_fill(~rows.valid, IGNORE)


def products(legend: Legend, layers: Sequence[str], models: int = 1) -> list[Product]:
    """Return the rasters to write: the class map first, then the layers.

    ``probabilities`` has one band per class; ``confidence`` is the highest probability; ``entropy`` is
    −Σ p ln p / ln K; ``disagreement`` is the part of the entropy due to differences between a pixel's views (passes,
    rotations) and models: the Jensen–Shannon divergence, i.e. the entropy of the mean minus the mean of the entropies,
    / ln K. Of several models it has three bands: all of it, and its parts between models and between views, which add
    up to it (:func:`disagreements`). All four are stored in steps of 0.004, which is the bands' scale.

    Args:
        legend: The classes.
        layers: Which of :data:`LAYERS` to write.
        models: Number of models that are averaged.
    """
    one = share_layout
    divided = DISAGREEMENT_BANDS if models > 1 else DISAGREEMENT_BANDS[:1]
    known = {
        PROBABILITIES: (one(*legend.names), lambda rows: _stored(rows.probabilities)),
        CONFIDENCE: (one("confidence"), lambda rows: _stored(rows.probabilities.amax(dim=0, keepdim=True))),
        ENTROPY: (one("entropy"), lambda rows: _stored(_entropy(rows)[None] / math.log(len(legend)))),
        DISAGREEMENT: (one(*divided), lambda rows: _stored(disagreements(rows) / math.log(len(legend)))),
    }
    class_map = Product(CLASSES, class_layout(legend), _Codes(legend))
    return [class_map] + [Product(key, *known[key]) for key in LAYERS if key in layers]


class _Codes:
    """Converts probabilities to the code of the most probable class; at a tie, the first in the legend."""

    def __init__(self, legend: Legend) -> None:
        count = len(legend)
        # torch's argmax over the first axis is twenty times slower on a CPU. Ranks fall along the legend, so the
        # highest rank among the classes that reach the maximum is that of the first of them.
        self._ranks = torch.arange(count, 0, -1, dtype=torch.uint8)[:, None, None]
        self._codes = torch.tensor([IGNORE, *reversed(legend.codes)], dtype=torch.uint8)

    def __call__(self, rows: FinishedRows) -> Tensor:
        device = rows.probabilities.device
        self._ranks, self._codes = self._ranks.to(device), self._codes.to(device)
        highest = rows.probabilities == rows.probabilities.amax(dim=0)
        codes: Tensor = self._codes[(highest * self._ranks).amax(dim=0).int()][None]
        return codes


def has_nan(rows: FinishedRows) -> Tensor:
    """Return whether a probability of a valid pixel is not a number, as a bool tensor on the rows' device."""
    found: Tensor = (rows.probabilities.amax(dim=0).isnan() & rows.valid).any()
    return found


def _stored(shares: Tensor) -> Tensor:
    return (shares.clamp(0, 1) * SHARE_STEPS).round().to(torch.uint8)


def _entropy(rows: FinishedRows) -> Tensor:
    """Return the entropy of the mean probabilities, (h, W), in nats."""
    terms: Tensor = torch.special.xlogy(rows.probabilities, rows.probabilities)
    return -terms.sum(dim=0)


def disagreements(rows: FinishedRows) -> Tensor:
    """Return the disagreement among a pixel's views and models, in nats.

    A pixel's class Y is predicted in views V (places in patches, rotations) by models M. By the chain rule of mutual
    information, I(Y; V, M) = I(Y; M | V) + I(Y; V). With the probabilities p of a model in a view, their mean p_V over
    the models, and their mean over everything, and with the means weighted as the map is,

    - all of it is the entropy of the mean less the mean of the entropies, H(mean p) − mean H(p);
    - between models, mean H(p_V) − mean H(p): what the models disagree in on one and the same view;
    - between views, H(mean p) − mean H(p_V): what the views of the models' mean disagree in.

    Args:
        rows: Finished rows, with entropies.

    Returns:
        (1, h, W): all of it, of one model; (3, h, W): all of it, between models, between views, of several.

    Raises:
        ValueError: Entropies were not kept.

    Example:
        Two models that are each certain, of different classes, in every view:

        >>> share = torch.tensor([0.5, 0.5])[:, None, None]
        >>> own, of_mean = torch.zeros(1, 1), torch.full((1, 1), math.log(2))
        >>> rows = FinishedRows(0, share, torch.ones(1, 1, dtype=torch.bool), torch.stack([own, of_mean]))
        >>> (disagreements(rows) / math.log(2)).flatten().tolist()
        [1.0, 1.0, 0.0]
    """
    if rows.entropy is None:
        raise ValueError("the views' entropies were not kept")
    whole = _entropy(rows)
    parts = [whole - rows.entropy[0]]
    if len(rows.entropy) > 1:
        parts += [rows.entropy[1] - rows.entropy[0], whole - rows.entropy[1]]
    return torch.stack(parts)
