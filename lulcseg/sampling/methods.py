"""The sampling methods, by the name that ``sampling.method`` gives them.

To add one, write a module with a :class:`~lulcseg.sampling.plan_request.SamplingMethod` and add a line to
:data:`METHODS`; its name goes among the choices of ``method`` in :mod:`lulcseg.settings.sampling`, where the
command line looks it up. A method that draws random points in the digitised features only has to count the patches
of each feature: see :mod:`lulcseg.sampling.uniform`. One that places patches otherwise returns the plan's rows: see
:mod:`lulcseg.sampling.grid_method`.
"""

from __future__ import annotations

from collections.abc import Mapping

from lulcseg.sampling.balanced import BALANCED
from lulcseg.sampling.grid_method import GRID
from lulcseg.sampling.inverse_frequency import INVERSE_FREQUENCY
from lulcseg.sampling.plan_request import SamplingMethod
from lulcseg.sampling.stratified import STRATIFIED
from lulcseg.sampling.uniform import UNIFORM

METHODS: Mapping[str, SamplingMethod] = {
    "stratified": STRATIFIED,
    "grid": GRID,
    "uniform": UNIFORM,
    "balanced": BALANCED,
    "inverse_frequency": INVERSE_FREQUENCY,
}
