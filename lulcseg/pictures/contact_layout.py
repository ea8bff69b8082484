"""Layout of contact sheets of an augmentation: patches as the network gets them, and each operation (Figure 6)."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from lulcseg.augment.augmentation import Augmentation
from lulcseg.augment.build_augmentation import build
from lulcseg.augment.catalogue import operations
from lulcseg.augment.stretch import to_unit, unit_range
from lulcseg.legend import IGNORE, Legend
from lulcseg.pictures.canvas import SMALL, TITLE, Canvas, text_height
from lulcseg.pictures.display_range import DisplayRange, are_bytes
from lulcseg.pictures.outline_legend import NO_GROUND, NO_LABEL, draw_outline_legend, outline_legend_height
from lulcseg.pictures.tiles import draw_tile, patch_display_range
from lulcseg.progress import Progress

_EDGE, _GAP, _HEAD = 20, 8, 26
_VERSION_SIDE, _SINGLE_SIDE = 256, 192
_WORDS = 330
"""Width of the column of text left of single operations, pixels."""

_WORDS_HIGH = 130

_STEPS, _CANDIDATES = 5, 11
_FINE = {"salt_pepper", "element_multiply", "gaussian", "poisson", "band_multiply", "blur"}
"""Operations drawn at full resolution: reducing the picture would smooth away their effect."""

VERSIONS = "versions"
_GROUPS = ("contrast", "noise", "geometry", "weather")


@dataclasses.dataclass(frozen=True)
class _SheetPatches:
    """Patches on the CPU, as an augmentation takes them, and how they are displayed."""

    image: Tensor
    mask: Tensor
    valid: Tensor
    legend: Legend
    display: DisplayRange

    def __len__(self) -> int:
        return len(self.image)

    def augmented(self, augmentation: Augmentation, index: Tensor, seed: int) -> _SheetPatches:
        """Return the patches at ``index``, augmented with a seed; the global generator is left alone."""
        own = torch.Generator().manual_seed(seed)
        done = augmentation(self.image[index], self.mask[index], self.valid[index], generator=own)
        return dataclasses.replace(self, image=done[0], mask=done[1], valid=done[2])

    def centre(self, size: int) -> _SheetPatches:
        """Return the central ``size`` × ``size`` pixels of each patch."""
        first = (self.mask.shape[-1] - size) // 2
        own = (..., slice(first, first + size), slice(first, first + size))
        return dataclasses.replace(self, image=self.image[own], mask=self.mask[own], valid=self.valid[own])

    def tile(self, i: int, side: int, *, cut: bool = False, outlined: bool = True) -> NDArray[np.uint8]:
        image, mask, valid = (part[i].numpy() for part in (self.image, self.mask, self.valid))
        how = {"cut": cut, "outlined": outlined}
        return draw_tile(image, mask, valid, legend=self.legend, display=self.display, side=side, **how)

    def keys(self) -> list[str]:
        """Return the keys of the legend: classes that occur, pixels without a label, pixels without imagery."""
        classes = [self.legend.names[i] for i in np.unique(self.mask.numpy()).tolist() if i != IGNORE]
        unlabelled = bool((self.valid & (self.mask == IGNORE)).any())
        others = ((NO_LABEL, unlabelled), (NO_GROUND, not self.valid.all()))
        return classes + [name for name, is_there in others if is_there]


def lay_out_contact_sheets(
    image: NDArray[Any],
    mask: NDArray[np.uint8],
    valid: NDArray[np.bool_],
    legend: Legend,
    augmentation: Augmentation,
    *,
    unit: tuple[float, float] | None = None,
    dtypes: Sequence[str] | None = None,
    versions: int = 6,
    seed: int = 0,
    progress: Progress | None = None,
) -> dict[str, Image.Image]:
    """Draw what an augmentation does.

    The same patches, augmentation and seed give the same sheets. Displayed bands other than 8-bit are stretched,
    augmented versions like the original.

    Args:
        image: (N, C, S, S) raw values. With ``augmentation.crop`` below S the rest is margin.
        mask: (N, S, S) class index, 255 where unknown.
        valid: (N, S, S) whether there is imagery.
        legend: The classes.
        augmentation: As in training.
        unit: Raw values scaled to 0 and 1; None: by the type of ``image``.
        dtypes: Types of the bands, each of which may be narrower than that of ``image``; None: all are of that.
        versions: Augmented versions of each patch.
        seed: Same seed, same draws.
        progress: Progress callback, called with (done, total) rows.

    Returns:
        Pictures by name. ``versions``: one row per patch, the patch and its augmented versions. ``contrast``,
        ``noise``, ``geometry`` and ``weather``: one row per operation of the group that the imagery's bands allow,
        applied alone to one of the patches, from the weakest draw to the strongest.
    """
    unit = unit or unit_range(image.dtype.name)
    values = torch.where(torch.from_numpy(valid)[:, None], to_unit(torch.from_numpy(image), unit), 0.0)
    as_it_is = are_bytes(dtypes or [image.dtype.name] * image.shape[1])
    display = patch_display_range(values.numpy(), valid, as_it_is=as_it_is)
    patches = _SheetPatches(values.clamp(0.0, 1.0), torch.from_numpy(mask), torch.from_numpy(valid), legend, display)
    bands = augmentation.optical.count or image.shape[1]
    groups = {g: [n for n, o in operations().items() if o.group == g and _fits(n, bands)] for g in _GROUPS}
    steps, done = 1 + sum(len(names) for names in groups.values()), 0

    def advance(more: int = 1) -> None:
        nonlocal done
        done += more
        if progress is not None:
            progress(done, steps)

    advance(0)
    sheets = {VERSIONS: _version_sheet(patches, augmentation, versions, seed)}
    advance()
    for group, names in groups.items():
        sheets[group] = _single_sheet(patches, augmentation, group, names, seed=seed, advance=advance)
    return sheets


def _version_sheet(patches: _SheetPatches, augmentation: Augmentation, versions: int, seed: int) -> Image.Image:
    """Draw patches as they are, and augmented versions of them."""
    index = torch.arange(len(patches)).repeat_interleave(versions)
    after = patches.augmented(augmentation, index, seed)
    before = patches.centre(augmentation.crop or patches.mask.shape[-1])
    tiles = [
        [before.tile(i, _VERSION_SIDE), *(after.tile(i * versions + k, _VERSION_SIDE) for k in range(versions))]
        for i in range(len(patches))
    ]
    side = tiles[0][0].shape[0]
    width = max((versions + 1) * (side + _GAP) - _GAP, 600)
    names = list(dict.fromkeys([*before.keys(), *after.keys()]))
    switched_on = augmentation.extra_repr() or "nothing: every version is the original"
    words = f"Switched on, with the share of patches: {_spaced(switched_on)}."
    top = _EDGE + 2 * TITLE + text_height(words, width, SMALL) + 10
    height = top + _HEAD + len(tiles) * (side + _GAP) + outline_legend_height(width, names) + _EDGE + 8
    canvas = Canvas(width + 2 * _EDGE, height)
    canvas.text(_EDGE, _EDGE, "Patches as they are, and as the network is shown them", width, TITLE, bold=True)
    canvas.text(_EDGE, _EDGE + 2 * TITLE - 8, words, width, SMALL, muted=True)
    for k in range(versions + 1):
        canvas.text(_EDGE + k * (side + _GAP), top, f"version {k}" if k else "as it is", side, SMALL, bold=not k)
    for row, line in enumerate(tiles):
        for k, pixels in enumerate(line):
            canvas.picture(_EDGE + k * (side + _GAP), top + _HEAD + row * (side + _GAP), pixels)
    top = height - outline_legend_height(width, names) - _EDGE
    draw_outline_legend(canvas, _EDGE, top, width, legend=patches.legend, names=names)
    return canvas.page


def _single_sheet(
    patches: _SheetPatches,
    augmentation: Augmentation,
    group: str,
    names: list[str],
    *,
    seed: int,
    advance: Callable[[], None],
) -> Image.Image:
    """Draw each operation of a group alone, on the patch with the most classes."""
    bands = augmentation.optical.count or patches.image.shape[1]
    patch = torch.tensor([_richest(patches)])
    before = patches.centre(augmentation.crop or patches.mask.shape[-1])
    side = before.tile(0, _SINGLE_SIDE).shape[0]
    high, left = max(side, _WORDS_HIGH) + _GAP, _EDGE + _WORDS + _GAP
    width = left + (_STEPS + 1) * (side + _GAP)
    canvas = Canvas(width + _EDGE, 2 * _EDGE + 74 + len(names) * high)
    y = canvas.text(_EDGE, _EDGE, f"{group.capitalize()}: each operation alone", width, TITLE, bold=True)
    note = f"As it is, then from the weakest of {_CANDIDATES} draws to the strongest."
    if _FINE & set(names) and side < before.mask.shape[-1]:
        note += f" {'Noise' if group == 'noise' else 'Blur'} is shown pixel for pixel."
    missing = [(n, o.bands) for n, o in operations().items() if o.group == group and not _fits(n, bands)]
    note += "".join(f" Left out: {_spaced(name)}, which needs {needed} bands." for name, needed in missing)
    canvas.text(_EDGE, y + 2, note, width, SMALL, muted=True)
    y = _EDGE + 74
    for row, name in enumerate(names):
        alone = _alone(name, patches.image.shape[1], augmentation)
        after = patches.augmented(alone, patch.expand(_CANDIDATES), seed)
        _write_about(canvas, _EDGE, y + row * high, name, augmentation)
        how = {"cut": name in _FINE, "outlined": group == "geometry"}  # other groups leave the labels as they are
        tiles = [before.tile(int(patch), side, **how)]
        tiles += [after.tile(i, side, **how) for i in _weakest_to_strongest(after, before.image[patch])]
        for k, pixels in enumerate(tiles):
            canvas.picture(left + k * (side + _GAP), y + row * high, pixels)
        advance()
    return canvas.page


def _write_about(canvas: Canvas, x: int, y: int, name: str, augmentation: Augmentation) -> None:
    """Write an operation's name, what it does, and how often."""
    title, _, about = operations()[name]().about.partition(": ")
    y = canvas.text(x, y, title, _WORDS, 17, bold=True)
    y = canvas.text(x, y + 2, about[:1].upper() + about[1:], _WORDS, SMALL)
    is_on = any(operation.name == name for operation in augmentation.operations)
    share = f"in {augmentation.probability[name]:.0%} of patches" if is_on else "switched off in this augmentation"
    canvas.text(x, y + 4, f"{name}: {share}", _WORDS, SMALL, muted=True)


def _alone(name: str, bands: int, augmentation: Augmentation) -> Augmentation:
    """Return an augmentation of one operation, applied to every sample with the strength of a given one."""
    own = next((dataclasses.asdict(o) for o in augmentation.operations if o.name == name), {})
    return build(
        "none",
        bands,
        p={name: 1.0},
        strengths={name: own},
        strength=augmentation.strength,
        crop=augmentation.crop,
        optical=None if augmentation.optical.are_all else augmentation.optical.optical.tolist(),
    )


def _weakest_to_strongest(after: _SheetPatches, before: Tensor) -> list[int]:
    """Return samples from the least to the most changed, no two of them equal."""
    known = after.valid.unsqueeze(1)
    change = ((after.image - before).square() * known).sum(dim=(1, 2, 3)) / known.sum(dim=(1, 2, 3)).clamp(min=1)
    distinct: list[int] = []
    for i in change.argsort().tolist():
        if not any(torch.equal(after.image[i], after.image[k]) for k in distinct):
            distinct.append(i)
    if len(distinct) <= _STEPS:
        return distinct
    return [distinct[k] for k in np.linspace(0, len(distinct) - 1, _STEPS).round().astype(int)]


def _richest(patches: _SheetPatches) -> int:
    """Return the patch with the most classes; among equals the one with the most labelled pixels."""
    known = (patches.mask != IGNORE) & patches.valid
    score = [(len(np.unique(m[k].numpy())), int(k.sum())) for m, k in zip(patches.mask, known, strict=True)]
    return max(range(len(score)), key=score.__getitem__)


def _fits(name: str, bands: int) -> bool:
    return operations()[name].bands in (None, bands)


def _spaced(name: str) -> str:
    return name.replace("_", " ")
