"""The patches of a mosaic that batch norm's statistics are taken of: drawn as the training patches were (decision 23).

Everything here depends on model and imagery alone, not on how the map is made: patches have the size of the training
patches, lie anywhere on the mosaic, and come in batches of one size.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lulcseg.augment.band_matching import Quantiles
from lulcseg.errors import LulcsegError
from lulcseg.grid import Window
from lulcseg.mosaic.scaled_patches import resampled, scaled_size
from lulcseg.mosaic.trained_model import TrainedModel
from lulcseg.processes import print_line
from lulcseg.progress import tracked
from lulcseg.sampling.draw_alike import draw_by_weight, effective_number, weights_alike
from lulcseg.sampling.patches_anywhere import draw_anywhere
from lulcseg.scene.scene import Scene
from lulcseg.seeds import generator
from lulcseg.training.batch_norm import BatchNormStatistics, take_statistics, trained_shares
from lulcseg.training.predictor import PatchPredictor

CANDIDATES = 128
"""Patches whose classes are predicted, of which the sample is drawn."""

SAMPLE = 64
"""Patches that the statistics are taken of; a candidate may be among them more than once."""

BATCH = 16
"""Patches of a batch. Each batch's statistics count the same."""

LEAST_CANDIDATES = 64
"""Candidates without which a mosaic is refused."""

LEAST_EFFECTIVE = 24
"""Least effective number of candidates that the sample is drawn of."""

_FAR = 0.2
"""Difference of a class's share from which on it is said to be far off."""

ROUNDS = 3
"""Times that the sample is drawn and the statistics are taken, each time by the classes that the last ones predict."""


def draw_candidates(scene: Scene, patch_size: int, seed: int) -> list[Window]:
    """Draw patches anywhere on a mosaic, each place with the same chance, wherever there is enough imagery.

    Args:
        scene: The scene.
        patch_size: Side of a patch, in pixels.
        seed: Of the draw.

    Returns:
        At most :data:`CANDIDATES` different patches.

    Raises:
        LulcsegError: There are fewer than :data:`LEAST_CANDIDATES`.
    """
    found: dict[Window, None] = {}
    for window in draw_anywhere(scene, patch_size, CANDIDATES, generator(seed, "patches for batch norm")):
        found[window] = None
        if len(found) == CANDIDATES:
            break
    if len(found) < LEAST_CANDIDATES:
        raise LulcsegError(
            f"its mosaic of {scene.grid.width} × {scene.grid.height} pixels has too little imagery for batch norm's "
            f"statistics: patches of {patch_size} pixels, at least half of them imagery, were found at {len(found)} "
            f"places, and {LEAST_CANDIDATES} are needed",
            where=scene.file.path,
            remedy="set adapt=histogram, or adapt=none",
        )
    return list(found)


def statistics_of_mosaic(
    member: TrainedModel,
    scene: Scene,
    device: torch.device,
    statistics: Mapping[str, Any] | None = None,
    quantiles: Quantiles | None = None,
    *,
    scale: float = 1.0,
) -> BatchNormStatistics:
    """Return batch norm's statistics of patches of a mosaic that are drawn like those that a model was trained on.

    Candidates are drawn anywhere, their classes are predicted, and the sample is drawn of them so that the classes'
    shares of its pixels, as predicted, are those of the training patches. Their classes are then predicted with these
    statistics, and the sample is drawn anew, :data:`ROUNDS` times in all.

    Args:
        member: The model, which stays as it is.
        scene: The scene.
        device: Where to compute.
        statistics: Those of the mosaic, if the model scales by them.
        quantiles: Those of the mosaic, if its values are matched to those trained on.
        scale: At which the network sees patches (``mosaic.scale``).

    Returns:
        The statistics, on the CPU.

    Raises:
        LulcsegError: The model's record lacks the classes' shares, or the mosaic has too little imagery.
    """
    record = member.record
    target = trained_shares(record)
    windows = draw_candidates(scene, record.patch_size, record.seed)
    predictor = member.copied().on(device).of_mosaic(statistics, quantiles)
    rng = generator(record.seed, "sample for batch norm")
    for _ in range(ROUNDS):
        batches = _batches(scene, windows, scale, "Predicting patches of the mosaic")
        shares = np.concatenate([_predicted_shares(predictor, *batch) for batch in batches])
        weights = weights_alike(shares, target, LEAST_EFFECTIVE)
        drawn = draw_by_weight(weights, SAMPLE, rng)
        sample = [windows[number] for number in drawn.tolist()]
        found = take_statistics(predictor, _batches(scene, sample, scale, "Taking batch norm's statistics"))
    print_line(_describe(shares, drawn, target, record.to_legend().names, effective_number(weights)))
    return found


def _batches(scene: Scene, windows: Sequence[Window], scale: float, what: str) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield images (B, C, P, P) and validity (B, P, P) of patches, in batches of one size (the last may be smaller).

    They have the pixels that the network sees.
    """
    groups = [windows[start : start + BATCH] for start in range(0, len(windows), BATCH)]
    for group in tracked(groups, what, "batches"):
        images, valid = zip(*(scene.imagery.read(window) for window in group), strict=True)
        batch = torch.from_numpy(np.stack(images)), torch.from_numpy(np.stack(valid))
        yield batch if scale == 1 else resampled(*batch, scaled_size(group[0].width, scale))


def _predicted_shares(predictor: PatchPredictor, image: Tensor, valid: Tensor) -> NDArray[np.float64]:
    """Return each class's share of the pixels with imagery of patches, as predicted: (B, K)."""
    logits = predictor(image.to(predictor.device), valid.to(predictor.device)).cpu()
    classes = torch.nn.functional.one_hot(logits.argmax(dim=1), logits.shape[1]).double()  # (B, P, P, K)
    pixels = (classes * valid[..., None]).sum((1, 2))
    found: NDArray[np.float64] = (pixels / pixels.sum(dim=1, keepdim=True)).numpy()
    return found


def _describe(
    shares: NDArray[np.float64],
    drawn: NDArray[np.int64],
    target: NDArray[np.float64],
    names: Sequence[str],
    effective: float,
) -> str:
    """Return a sentence on the sample, with the class whose share differs most from the training patches'."""
    found = shares[drawn].mean(axis=0)
    worst = int(np.abs(found - target).argmax())
    far = np.abs(found - target).max() > _FAR
    return (
        f"Batch norm's statistics are taken of {len(drawn)} patches, drawn of {len(shares)} (effectively "
        f"{effective:.0f}) so that the predicted classes have their shares of the training patches; the largest "
        f"difference: {names[worst]}, {found[worst]:.3f} for {target[worst]:.3f}"
        + (", which is far off: compare the map with one of adapt=none or histogram." if far else ".")
    )
