"""Contact sheets of a plan's training patches: choosing and reading the patches, writing the sheets."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lulcseg.errors import LulcsegError

if TYPE_CHECKING:
    from PIL import Image

    from lulcseg.augment.augmentation import Augmentation
    from lulcseg.sampling.plan import Plan
    from lulcseg.scene.scene import Scene


def draw_contact_sheets(
    plan: Plan,
    scene: Scene,
    augmentation: Augmentation,
    *,
    patches: int = 4,
    versions: int = 6,
    seed: int = 0,
    margin: int = 0,
    value_range: Sequence[float] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, Image.Image]:
    """Draw contact sheets of some of a plan's training patches (:func:`.contact_layout.lay_out_contact_sheets`).

    The patches are of as many classes as possible, the same for the same plan and seed.

    Args:
        plan: The plan.
        scene: One of its scenes, with labels.
        augmentation: As in training.
        patches: Number of patches to draw.
        versions: Augmented versions of each.
        seed: Same seed, same sheets.
        margin: Pixels read around each patch for warps.
        value_range: Values scaled to 0 and 1; None: by the imagery's type.
        progress: Progress callback, called with (done, total) rows.

    Raises:
        LulcsegError: The plan has no training patch in the scene, or the imagery can't be read.
    """
    import numpy as np
    import torch

    from lulcseg.augment.band_units import BandUnits
    from lulcseg.augment.stretch import unit_range
    from lulcseg.grid import Window
    from lulcseg.legend import IGNORE
    from lulcseg.pictures.contact_layout import lay_out_contact_sheets

    assert scene.labels is not None
    images, masks, valids = [], [], []
    for row, col, size in choose_places(plan, scene.name, patches, seed):
        window = Window(row - margin, col - margin, size + 2 * margin, size + 2 * margin)
        image, valid = scene.imagery.read(window)
        images.append(image)
        masks.append(np.where(valid, scene.labels.read(window), IGNORE).astype(np.uint8))
        valids.append(valid)
    read, unit = np.stack(images), unit_range(scene.dtype.name, value_range)
    if scene.band_table is not None:
        read, unit = BandUnits(scene.band_table, value_range)(torch.from_numpy(read)).numpy(), (0.0, 1.0)
    return lay_out_contact_sheets(
        read,
        np.stack(masks),
        np.stack(valids),
        scene.legend,
        augmentation,
        unit=unit,
        dtypes=scene.imagery.band_dtypes,
        versions=versions,
        seed=seed,
        progress=progress,
    )


def save_contact_sheets(sheets: Mapping[str, Image.Image], path: Path) -> list[Path]:
    """Write sheets, each whole or not at all: the first as ``path``, the others with their name after its stem.

    Returns:
        The files.

    Raises:
        LulcsegError: One can't be written.
    """
    from lulcseg.files import replacing

    paths = [path if number == 0 else path.with_stem(f"{path.stem}_{name}") for number, name in enumerate(sheets)]
    for sheet, target in zip(sheets.values(), paths, strict=True):
        with replacing(target) as part:
            sheet.save(part, quality=85)  # of JPEG; PNG takes none
    return paths


def choose_places(plan: Plan, scene: str, count: int, seed: int) -> list[tuple[int, int, int]]:
    """Choose training patches from each class in turn, not overlapping if possible.

    Args:
        plan: The plan.
        scene: Name of the scene.
        count: Number of patches.
        seed: Same seed, same patches.

    Returns:
        Row, column and size of each, in pixels.

    Raises:
        LulcsegError: The plan has no training patch in the scene.
    """
    from lulcseg.sampling.plan import TRAIN
    from lulcseg.seeds import generator

    rows = plan.of(scene, TRAIN)
    if not len(rows):
        raise LulcsegError(f"the plan has no training patch in {scene}", where="plan", remedy="choose another scene")
    mixed = rows.iloc[generator(seed, "contact sheet").permutation(len(rows))]
    turn = mixed.groupby("class_index").cumcount()
    ordered = mixed.assign(turn=turn).sort_values("turn", kind="stable")
    places = [(int(r), int(c), int(s)) for r, c, s in ordered[["row", "col", "size"]].to_numpy()]
    apart: list[tuple[int, int, int]] = []
    for row, col, size in places:
        if len(apart) < count and all(max(abs(row - r), abs(col - c)) >= size for r, c, _ in apart):
            apart.append((row, col, size))
    return [*apart, *(place for place in places if place not in apart)][:count]
