# %% [markdown]
# # Assess a map with reference points
#
# The map and the sample are those of the [tutorial](../tutorial.md): `lulcseg reference` drew the points by the
# classes of the map, and somebody has filled in the class of each. The file says how they were drawn, so that
# accuracy and areas are estimated by that design.

# %%
from pathlib import Path

import pandas as pd

from lulcseg import assess

mapped = Path("runs/tutorial/maps/synthetic_2018_multiple.tif")
sample = Path("sample.gpkg")
result = assess(mapped, sample, reference_column="class")

# %% [markdown]
# ## Agreement at the points, which isn't the accuracy of the map
#
# Rare classes have more than their share of these points. Plain counts give each point the same weight, and so
# describe the points, not the map.

# %%
print(f"{result.scores.n_scored} points, agreement {result.scores.overall_accuracy:.3f}")
pd.DataFrame(result.confusion, index=list(result.legend.names), columns=list(result.legend.names))

# %% [markdown]
# ## Estimates by the sampling design
#
# Each point stands for the area of its stratum divided by the number of points in it. The estimates are of the whole
# map.

# %%
estimates = result.design_based
assert estimates is not None, result.design_note
print(estimates.design, "·", estimates.estimator)
for warning in estimates.warnings:
    print(warning)

# %%
pd.DataFrame(
    {
        one.name: {
            "ha on the map": one.mapped_hectares,
            "ha estimated": one.hectares.value,
            "± SE": one.hectares.se,
            "user's": one.users.value,
            "producer's": one.producers.value,
        }
        for one in estimates.classes
    }
).T.round(3)

# %% [markdown]
# ## The statement

# %%
overall = estimates.overall
print(
    f"Overall accuracy of {mapped.stem} is {overall.value:.3f} ± {overall.se:.3f} (standard error; 95 % interval "
    f"{overall.low:.3f} to {overall.high:.3f}), estimated from {result.scores.n_scored} points ({estimates.design})."
)

# %% [markdown]
# This is the sampling error of one map's assessment. It says nothing of how another training run would have come out,
# nor of errors of the interpreter: [Accuracy](../accuracy.md).
