"""The confidence from which on a model's disagreement with a label is a place to review."""

from __future__ import annotations

from lulcseg.errors import LulcsegError
from lulcseg.mosaic.ensemble import Ensemble
from lulcseg.settings.mosaic import MosaicSettings


def review_confidence(ensemble: Ensemble, settings: MosaicSettings) -> list[float] | None:
    """Return the confidence of each class from which on a disagreement is a place to review; None: any.

    Of several models it is the highest.

    Raises:
        LulcsegError: Places to review are requested by precision, and a model has no calibration, which states it.
    """
    precision = settings.review_precision
    if precision is None:
        return None
    if ensemble.joins:
        raise LulcsegError(
            "places to review by precision are of models that know all classes",
            where="mosaic.review_precision",
            remedy="leave it out with combine=one_against_all",
        )
    found = []
    for member in ensemble.members:
        if member.calibration is None:
            raise LulcsegError(
                "places to review by precision need its precision on held-out ground, which a calibration states",
                where=member.checkpoint,
                remedy="run lulcseg calibrate, or leave mosaic.review_precision out",
            )
        found.append([member.calibration.threshold(k, precision) for k in range(len(ensemble.legend))])
    return [max(each) for each in zip(*found, strict=True)]
