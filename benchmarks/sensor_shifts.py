"""Shifts between real mosaics, over the ranges of augment=sensor: python benchmarks/sensor_shifts.py FOLDER.

FOLDER holds ``korea/images/`` (tiles of 2023-09 and 2024-12) and ``dubai/`` (mosaics); what is missing is left out.
Tone: for each band, the gain and gamma of ``(gain · value) ** gamma``, as the operation ``response`` has them, that
bring one mosaic's quantiles nearest to another's. Sharpness: the factor on the pixel size, as ``resample`` has it,
that makes the sharper mosaic as smooth as the other. Korea's dates are compared where their tiles overlap, Dubai's
mosaics, which are of different places, each with each: their land cover differs too, so that theirs are more than a
sensor's shifts.
"""

from __future__ import annotations

import argparse
import itertools
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import rasterio
import torch
from numpy.typing import NDArray
from rasterio.windows import from_bounds
from scipy import ndimage, optimize

from lulcseg.augment.other_sensor import Resample, Response
from lulcseg.trials.tables import as_markdown

Array = NDArray[np.floating]

BANDS = 3
SHARES = np.linspace(0.05, 0.95, 46)
"""Quantiles that are matched: the others are clipped in imagery that was stretched for display."""
FACTORS = np.arange(1.0, 6.01, 0.25)
SIDE = 512
"""Side of the windows that sharpness is measured in, in pixels."""
LEAST = 128
"""Side of the smallest overlap that is measured, in pixels."""


def main() -> None:
    """Print a table of the shifts and draw them over the augmentation's ranges."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--figure", type=Path)
    arguments = parser.parse_args()
    pairs = {"Korea, two dates": korea(arguments.folder), "Dubai, two mosaics": dubai(arguments.folder)}
    found = {name: measured(each) for name, each in pairs.items() if each}
    if not found:
        raise SystemExit(f"{arguments.folder} holds neither korea/images/ nor dubai/: nothing is measured")
    print(as_markdown(pd.DataFrame([summary(name, each) for name, each in found.items()]), escape=False), end="")
    if arguments.figure:
        draw(found, arguments.figure)


def korea(folder: Path) -> list[tuple[Array, Array]]:
    """Return the overlaps of tiles of the two dates, (C, H, W) each, 0…1."""
    tiles = {date: sorted((folder / "korea" / "images").glob(f"{date}_*.tif")) for date in ("202309", "202412")}
    found = []
    for first, other in itertools.product(*tiles.values()):
        with rasterio.open(first) as one, rasterio.open(other) as two:
            left, bottom = max(one.bounds.left, two.bounds.left), max(one.bounds.bottom, two.bounds.bottom)
            right, top = min(one.bounds.right, two.bounds.right), min(one.bounds.top, two.bounds.top)
            if min(right - left, top - bottom) < LEAST * one.res[0]:
                continue
            bands = range(1, BANDS + 1)
            parts = [s.read(bands, window=from_bounds(left, bottom, right, top, s.transform)) for s in (one, two)]
        found.append((parts[0] / np.float32(255), parts[1] / np.float32(255)))
    return found


def dubai(folder: Path) -> list[tuple[Array, Array]]:
    """Return the mosaics two by two, (C, H, W) each, 0…1."""
    mosaics = []
    for path in sorted((folder / "dubai").glob("tile?.tif")):
        with rasterio.open(path) as source:
            mosaics.append(source.read() / np.float32(255))
    return list(itertools.combinations(mosaics, 2))


def measured(pairs: list[tuple[Array, Array]]) -> dict[str, Array]:
    """Return ``gain``, ``gamma`` and ``residual`` share of the difference by pair and band, and ``factor`` by pair.

    Tone is measured both ways: what brings the first to the second, and the second to the first.
    """
    unique = {id(each): each for pair in pairs for each in pair}
    curves = {key: sharpness_curves(each) for key, each in unique.items()}
    bands = {key: [np.quantile(band, SHARES) for band in each] for key, each in unique.items()}
    keys = [(id(first), id(other)) for first, other in pairs]
    both_ways = [(one, two) for a, b in keys for one, two in ((a, b), (b, a))]
    tones = [tone_shift(x, y) for one, two in both_ways for x, y in zip(bands[one], bands[two], strict=True)]
    factors = [resample_factor(curves[one], curves[other]) for one, other in keys]
    gain, gamma, residual = np.array(tones).T
    return {"gain": gain, "gamma": gamma, "residual": residual, "factor": np.array(factors)}


def tone_shift(first: Array, other: Array) -> tuple[float, float, float]:
    """Return gain and gamma that bring a band's quantiles nearest to another's, and the share of the difference left.

    Examples:
        >>> quantiles = np.linspace(0.1, 0.7, 20)
        >>> [round(value, 3) for value in tone_shift(quantiles, (1.2 * quantiles) ** 0.8)]
        [1.2, 0.8, 0.0]
    """

    def difference(logs: Array) -> Array:
        return (np.exp(logs[0]) * first).clip(0, 1) ** np.exp(logs[1]) - other

    logs = optimize.least_squares(difference, [0.0, 0.0], bounds=(-2.5, 2.5)).x
    before = np.sqrt(np.mean((first - other) ** 2))
    left = np.sqrt(np.mean(difference(logs) ** 2)) / max(before, 1e-9)
    return float(np.exp(logs[0])), float(np.exp(logs[1])), float(left)


def sharpness_curves(image: Array) -> Array:
    """Return the sharpness of an image as it is and sampled coarser by :data:`FACTORS`, the mean over its windows.

    Sharpness is the share that the Laplacian has of the variance, which no gain changes.
    """
    grey = image.mean(axis=0)
    rows, cols = (range(0, max(1, length - SIDE + 1), max(SIDE, (length - SIDE) // 2)) for length in grey.shape)
    windows = [grey[r : r + SIDE, c : c + SIDE] for r in rows for c in cols]
    side = min(min(each.shape) for each in windows)
    stack = torch.from_numpy(np.stack([each[:side, :side] for each in windows]))[:, None].float()
    coarsest = Resample(most=float(FACTORS[-1]))
    values = []
    for factor in FACTORS:
        draw = torch.full((len(stack), 1), (factor - 1) / (FACTORS[-1] - 1), dtype=torch.float64)
        coarser = coarsest.apply(stack, torch.ones(len(stack), side, side, dtype=torch.bool), draw, 1.0)[:, 0].numpy()
        values.append(np.mean([ndimage.laplace(each).var() / max(each.var(), 1e-9) for each in coarser]))
    return np.minimum.accumulate(np.array(values))


def resample_factor(first: Array, other: Array) -> float:
    """Return the factor on the pixel size that makes the sharper of two images as smooth as the other."""
    sharper, smoother = (first, other) if first[0] >= other[0] else (other, first)
    falls = np.append(True, np.diff(sharper) < 0)
    return float(np.interp(-smoother[0], -sharper[falls], FACTORS[falls]))


def summary(name: str, shifts: dict[str, Array]) -> dict[str, object]:
    """Return a row of the table."""
    response, resample = Response(), Resample()
    logs = [np.abs(np.log(shifts[key])) for key in ("gain", "gamma")]
    widest = np.log([response.widest_gain, response.widest_gamma])
    inside = (logs[0] <= widest[0]) & (logs[1] <= widest[1])
    nine = [np.exp(np.quantile(each, 0.9)) for each in logs]
    return {
        "pairs": name,
        "n": len(shifts["factor"]),
        "gain: median, 90 %": f"× {np.exp(np.median(logs[0])):.2f}, {nine[0]:.2f}",
        "gamma: median, 90 %": f"{np.exp(np.median(logs[1])):.2f}, {nine[1]:.2f}",
        "both inside": f"{inside.mean():.2f}",
        "difference left": f"{np.median(shifts['residual']):.2f}",
        "pixel size: median, 90 %": f"× {np.median(shifts['factor']):.2f}, {np.quantile(shifts['factor'], 0.9):.2f}",
        "inside": f"{(shifts['factor'] <= resample.most).mean():.2f}",
    }


def draw(found: dict[str, dict[str, Array]], path: Path) -> None:
    """Draw the shifts over the ranges that the augmentation draws from."""
    response, resample = Response(), Resample()
    figure, (left, right) = plt.subplots(1, 2, figsize=(8.5, 3.8), width_ratios=[3, 2], layout="constrained")
    low, high = 1 / response.widest_gain, response.widest_gain
    box = {"color": "#c9d8ee", "zorder": 0, "label": "range of augment=sensor"}
    left.fill_between([low, high], 1 / response.widest_gamma, response.widest_gamma, **box)
    right.axhspan(1, resample.most, **box)
    for place, ((name, shifts), colour) in enumerate(zip(found.items(), ("#b5541c", "#1f4e9c"), strict=False)):
        left.scatter(shifts["gain"], shifts["gamma"], s=9, color=colour, label=name, linewidths=0)
        spread = place + np.linspace(-0.2, 0.2, len(shifts["factor"]))
        right.scatter(spread, shifts["factor"], s=12, color=colour, linewidths=0)
    left.set(xscale="log", yscale="log", xlabel="gain of a band", ylabel="gamma of a band")
    for axis in (left.xaxis, left.yaxis):
        ticks = [0.25, 0.5, 0.7, 1, 1.4, 2, 4]
        axis.set_ticks(ticks, [f"{tick:g}" for tick in ticks])
        axis.set_ticks([], minor=True)
    figure.legend(*left.get_legend_handles_labels(), fontsize=8, frameon=False, loc="outside upper left", ncols=3)
    right.set(ylabel="factor on the pixel size", xlim=(-0.5, len(found) - 0.5), ylim=(0.9, None))
    right.set_xticks(range(len(found)), [name.replace(", ", ",\n") for name in found])
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=110)


if __name__ == "__main__":
    main()
