# %% [markdown]
# # Read a run in Python
#
# A run's folder is readable by itself: this notebook opens its record, scores, plan, map and learning curves. It is
# kept as a Python file: Jupyter opens it with [Jupytext](https://jupytext.readthedocs.io), and so do VS Code and
# others.
#
# The run is that of the [tutorial](../tutorial.md); give the path of any other.

# %%
from pathlib import Path

import geopandas as gpd
import matplotlib.pyplot as plt
import pandas as pd
import rasterio

from lulcseg import Plan
from lulcseg.assessment.assessment import Assessment
from lulcseg.run_folder.folder import RunFolder
from lulcseg.run_folder.record import RunRecord

folder = RunFolder(Path("runs/tutorial"))

# %% [markdown]
# ## What was run
#
# The record says how the run was started and how it ended, on which scenes, how long it took, and by what its
# checkpoint was chosen.

# %%
record = RunRecord.load(folder)
print(record.state, record.command)
print(record.steps, "steps in", round(record.training_seconds or 0), "s")
print("trained on", *record.train_scenes)

# %% [markdown]
# ## Scores
#
# Each assessment is a JSON file with its points beside it. `labels` is the score of the digitised polygons
# themselves: a map trained on them should not be expected to exceed it.

# %%
assessments = {path.stem: Assessment.load(path) for path in folder.assessment_files()}
pd.DataFrame(
    {
        name: {"points": one.scores.n_scored, "kappa": one.scores.kappa, "mean F1": one.scores.mean_f1}
        for name, one in assessments.items()
    }
).T

# %% [markdown]
# User's and producer's accuracy of each class, for one map. A class that has reference points and is never mapped
# scores F1 0; one without reference points has no score (NaN).

# %%
name, chosen = next((name, one) for name, one in assessments.items() if one.compared == "map")
print(name)
per_class = pd.DataFrame(
    {
        "reference": chosen.scores.reference_points,
        "user's": chosen.scores.users,
        "producer's": chosen.scores.producers,
        "F1": chosen.scores.f1,
    },
    index=list(chosen.legend.names),
)
per_class.round(3)

# %% [markdown]
# ## The sampling plan
#
# One row for each patch that was trained on: where it lies, the class it was drawn for, and its split.

# %%
plan = Plan.load(folder.plan)
plan.rows.groupby("split").size()

# %% [markdown]
# ## The map, and the patches over it

# %%
path = folder.map_files()[0]
with rasterio.open(path) as mapped:
    codes = mapped.read(1)
    colours = mapped.colormap(1)
    bounds = mapped.bounds
    print(path.name, codes.shape, mapped.crs)

shown = pd.Series(codes.ravel()).map(lambda code: colours[code][:3])
picture = [list(row) for row in shown.to_numpy().reshape(codes.shape)]
figure, axes = plt.subplots()
axes.imshow(picture, extent=(bounds.left, bounds.right, bounds.bottom, bounds.top))
patches = gpd.read_file(folder.plan)
patches.boundary.plot(ax=axes, color="black", linewidth=0.3)
axes.set_title(path.stem)

# %% [markdown]
# ## Learning curves

# %%
curves = pd.read_csv(folder.metrics)
curves[["epoch", "train/loss_epoch"]].dropna()
