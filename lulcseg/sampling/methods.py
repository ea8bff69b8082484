"""The sampling methods, by the name that ``sampling.method`` gives them.

To add one, write a module with a :class:`~lulcseg.sampling.plan_request.SamplingMethod` and add a line to
:data:`METHODS`; its name goes among the choices of ``method`` in :mod:`lulcseg.settings.sampling`, where the
command line looks it up. A method that draws random points in the digitised features only has to count the patches
of each feature: see :mod:`lulcseg.sampling.uniform`. One that places patches otherwise returns the plan's rows: see
:mod:`lulcseg.sampling.grid_method`. A count of another package is named by ``sampling._target_``
(:func:`method_of`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from lulcseg.errors import LulcsegError
from lulcseg.sampling.balanced import BALANCED
from lulcseg.sampling.draw_in_features import counted_in_features
from lulcseg.sampling.feature_counts import Counts, Features
from lulcseg.sampling.grid_method import GRID
from lulcseg.sampling.inverse_frequency import INVERSE_FREQUENCY
from lulcseg.sampling.plan_request import SamplingMethod
from lulcseg.sampling.stratified import STRATIFIED
from lulcseg.sampling.uniform import UNIFORM
from lulcseg.settings.registry import bound_arguments
from lulcseg.settings.sampling import SamplingSettings

METHODS: Mapping[str, SamplingMethod] = {
    "stratified": STRATIFIED,
    "grid": GRID,
    "uniform": UNIFORM,
    "balanced": BALANCED,
    "inverse_frequency": INVERSE_FREQUENCY,
}


def name_of(settings: SamplingSettings) -> str:
    """Return the method's name for records and notes: the dotted path of a custom one."""
    return settings.target or settings.method


def method_of(settings: SamplingSettings) -> SamplingMethod:
    """Return the method that settings name.

    Args:
        settings: The settings. With ``target`` set, that is a function ``(features, patches, generator)``, called with
            ``arguments`` too, that returns the number of patches of each feature, (m,) integers, or
            :class:`~lulcseg.sampling.feature_counts.Counts`; patches are centred on random points in the features.

    Raises:
        LulcsegError: A target that can't be imported or refuses its arguments. The method's ``draw`` raises it for
            a target that returns anything but counts.
    """
    if settings.target is None:
        return METHODS[settings.method]
    target = settings.target
    count, arguments = bound_arguments(target, settings.arguments, "sampling._target_", given=3)

    def counts(features: Features, n_patches: int, rng: np.random.Generator) -> Counts:
        try:
            returned = count(features, n_patches, rng, **arguments)
        except Exception as error:  # whatever somebody else's code raises
            first = (str(error).splitlines() or [""])[0]
            raise LulcsegError(
                f"{target} fails ({type(error).__name__}: {first})", where="sampling._target_", remedy="correct it"
            ) from error
        return _as_counts(returned, len(features.area_m2), target)

    return counted_in_features(counts)


def _as_counts(returned: Any, features: int, target: str) -> Counts:
    """Check what a custom count returned."""
    feature = np.asarray(returned.feature if isinstance(returned, Counts) else returned)
    if feature.shape != (features,) or feature.dtype.kind not in "iu" or (feature < 0).any():
        raise LulcsegError(
            f"{target} returned no numbers of patches",
            where="sampling._target_",
            remedy=f"return a whole number, 0 or more, for each of the {features} features",
        )
    wanted = returned.wanted if isinstance(returned, Counts) else {}
    return Counts(feature.astype(np.int64), wanted)
