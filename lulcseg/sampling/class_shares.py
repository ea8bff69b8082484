"""Class shares under a plan's patches: how often ground is covered, and by pixels of which classes.

The class prior in training is that of the patches' pixels, not that of the ground: patches drawn for small
classes, and overlapping patches, shift it. Both are counted here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lulcseg.grid import Window
from lulcseg.progress import tracked
from lulcseg.sampling.plan import Plan
from lulcseg.scene.labels import LabelReader
from lulcseg.seeds import generator

_BLOCK = 512
"""Side of a block of ground that is read at once, pixels: small enough to skip much ground without patches."""

_MOST_PIXELS = 2**30
"""Pixels of blocks up to which all are read; of more, a sample of this size is."""

type _Block = tuple[str, Window, NDArray[np.int64]]
"""Scene, window, and the patches that intersect it: (3, n) first rows, first columns, sides, in pixels."""


@dataclass(frozen=True)
class Cover:
    """The ground under a plan's patches, summed over scenes.

    Attributes:
        class_pixels: Labelled pixels of each class in all patches, (n_classes,) int64; a pixel counts
            once for each patch it is in. None if labels were not read.
        covered: Pixels of the ground in at least one patch.
        shared: Pixels of the ground in more than one patch.
        patch_pixels: Total number of pixels of all patches.
        most: Largest number of patches over one pixel.
        sampled: Share of the blocks of ground that was read; below 1 the counts are scaled up from it.
    """

    class_pixels: NDArray[np.int64] | None
    covered: int
    shared: int
    patch_pixels: int
    most: int
    sampled: float = 1.0

    @property
    def class_shares(self) -> NDArray[np.float64]:
        """Share of each class in the labelled pixels, (n_classes,); zeros if nothing is labelled."""
        if self.class_pixels is None:
            raise ValueError("the labels were not read")
        return np.asarray(self.class_pixels / max(1, int(self.class_pixels.sum())), dtype=np.float64)


def cover(plan: Plan, labels: Mapping[str, LabelReader] | None = None, split: str | None = "train") -> Cover:
    """Count how often a plan's patches cover the ground and, with labels, the classes of their pixels.

    One pass by blocks, in bounded memory, over the ground under the patches; each label is read once.
    If these blocks hold more than 2³⁰ pixels (the paper's 154,514 patches: ten times as many), a random
    sample of them is counted and scaled up; ``sampled`` is its share.

    Args:
        plan: The plan.
        labels: Readers of class indices by the scene's name, one for each scene; None to count no
            classes.
        split: 'train', 'validation', or None for all patches.

    Returns:
        The counts, summed over scenes. Each scene is counted by itself: two dates of the same ground do not overlap.
    """
    n_classes = len(plan.meta["legend"])
    blocks, sampled = _sample([block for scene in plan.scenes for block in _blocks(plan, scene, split)])
    # One class more, for labels of no class (255), which are left out in the end.
    pixels = np.zeros(n_classes + 1, dtype=np.int64)
    covered = shared = total = most = 0
    for scene, block, patches in tracked(blocks, "Counting pixels under the patches"):
        window, count = _count(block, *patches)
        deepest = int(count.max())
        label = 0 if labels is None else np.minimum(labels[scene].read(window), n_classes)
        # Pixels of each class under 0, 1, … patches, in one pass.
        at = np.multiply(label, deepest + 1, dtype=np.intp) + count
        table = np.bincount(at.ravel(), minlength=(n_classes + 1) * (deepest + 1)).reshape(n_classes + 1, deepest + 1)
        under = table.sum(axis=0)
        times = np.arange(deepest + 1)
        covered += int(under[1:].sum())
        shared += int(under[2:].sum())
        total += int(under @ times)
        most = max(most, deepest)
        pixels += table @ times
    counted = None if labels is None else np.rint(pixels[:n_classes] / sampled).astype(np.int64)
    covered, shared, total = (round(n / sampled) for n in (covered, shared, total))
    return Cover(counted, covered, shared, total, most, sampled)


def frequencies_where_present(plan: Plan, labels: Mapping[str, LabelReader]) -> NDArray[np.float64]:
    """Return the share of each class in the labelled pixels of those training patches that have it.

    Patches of more than 2³⁰ pixels in all are not all read: a random sample of them is.

    Args:
        plan: The plan.
        labels: Readers of class indices by the scene's name, one for each scene.

    Returns:
        (n_classes,), 0 for a class without pixels.
    """
    n_classes = len(plan.meta["legend"])
    rows = plan.rows[plan.rows["split"] == "train"]
    most = max(1, _MOST_PIXELS // max(1, int(rows["size"].max()) ** 2)) if len(rows) else 1
    if len(rows) > most:
        rows = rows.iloc[np.sort(generator(0, "patches counted").choice(len(rows), most, replace=False))]
    of_class, of_patches = np.zeros((2, n_classes), dtype=np.int64)
    places = list(zip(*(rows[name].tolist() for name in ("scene", "row", "col", "size")), strict=True))
    for scene, row, col, size in tracked(places, "Counting classes in each patch"):
        label = labels[scene].read(Window(row, col, size, size))
        counts = np.bincount(label.ravel(), minlength=n_classes)[:n_classes]
        of_class += counts
        of_patches += np.where(counts > 0, counts.sum(), 0)
    return of_class / np.maximum(of_patches, 1)


def ground_shares(plan: Plan) -> NDArray[np.float64]:
    """Return the share of each class in the digitised ground that the plan was drawn over, (n_classes,)."""
    areas = np.array([c["area_m2"] or 0.0 for c in plan.meta["classes"]], dtype=np.float64)
    return np.asarray(areas / max(areas.sum(), np.finfo(np.float64).tiny), dtype=np.float64)


def prior_shift(ground: NDArray[np.float64], pixels: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return by how much sampling shifted the log prior of each class (Menon et al. 2021, logit adjustment).

    Args:
        ground: Share of each class on the ground, (n_classes,).
        pixels: Share of each class in the pixels trained on, (n_classes,).

    Returns:
        ``log(pixels / ground)``, (n_classes,); 0 for a class without pixels or without ground.

    Example:
        >>> prior_shift(np.array([0.8, 0.2, 0.0]), np.array([0.4, 0.6, 0.0])).round(3).tolist()
        [-0.693, 1.099, 0.0]
    """
    known = (ground > 0) & (pixels > 0)
    shift = np.zeros(len(ground), dtype=np.float64)
    shift[known] = np.log(pixels[known] / ground[known])
    return shift


def _sample(blocks: list[_Block]) -> tuple[list[_Block], float]:
    """Return the blocks to read, in their order, and their share of all."""
    most = max(1, _MOST_PIXELS // _BLOCK**2)
    if len(blocks) <= most:
        return blocks, 1.0
    taken = np.sort(generator(0, "blocks counted").choice(len(blocks), most, replace=False))
    return [blocks[i] for i in taken.tolist()], most / len(blocks)


def _blocks(plan: Plan, scene: str, split: str | None) -> Iterator[_Block]:
    """Yield each block of a scene that patches meet."""
    rows = plan.of(scene, split)
    patches = np.stack([rows[name].to_numpy(dtype=np.int64) for name in ("row", "col", "size")])
    row, col, size = patches
    if not row.size:
        return
    first_row, first_col = row // _BLOCK, col // _BLOCK
    n_rows, n_cols = (row + size - 1) // _BLOCK - first_row + 1, (col + size - 1) // _BLOCK - first_col + 1
    n_blocks = n_rows * n_cols
    patch = np.repeat(np.arange(row.size), n_blocks)
    number = np.arange(patch.size) - np.repeat(np.cumsum(n_blocks) - n_blocks, n_blocks)
    block_row, block_col = first_row[patch] + number // n_cols[patch], first_col[patch] + number % n_cols[patch]
    order = np.lexsort((patch, block_col, block_row))
    ids = np.stack([block_row[order], block_col[order]], axis=1)
    starts = np.flatnonzero(np.any(np.diff(ids, axis=0, prepend=-1) != 0, axis=1))
    for (r, c), members in zip(ids[starts].tolist(), np.split(patch[order], starts[1:]), strict=True):
        yield scene, Window(r * _BLOCK, c * _BLOCK, _BLOCK, _BLOCK), patches[:, members]


def _count(
    block: Window, row: NDArray[np.int64], col: NDArray[np.int64], size: NDArray[np.int64]
) -> tuple[Window, NDArray[np.uint32]]:
    """Count the patches over each pixel of a block, cut to the smallest window that holds their parts of it."""
    top, left = np.maximum(row, block.row), np.maximum(col, block.col)
    bottom, right = np.minimum(row + size, block.row_end), np.minimum(col + size, block.col_end)
    window = Window(int(top.min()), int(left.min()), int(bottom.max() - top.min()), int(right.max() - left.min()))
    edges = np.stack([top - window.row, bottom - window.row, left - window.col, right - window.col], axis=1)
    count = np.zeros((window.height, window.width), dtype=np.uint32)
    for first_row, end_row, first_col, end_col in edges.tolist():
        count[first_row:end_row, first_col:end_col] += 1
    return window, count


def shares_by_class(plan: Plan, counted: Cover) -> dict[str, dict[str, float]]:
    """Return ground share, pixel share and shift of the log prior of each class, by its name."""
    ground, pixels = ground_shares(plan), counted.class_shares
    entries = zip(plan.meta["legend"], ground, pixels, prior_shift(ground, pixels), strict=True)
    return {name: {"ground": float(g), "pixels": float(p), "shift": float(s)} for name, g, p, s in entries}
