"""Maps by whole arrays in float64, pixel by pixel: another implementation of passes, views, blending and ensembles."""

from __future__ import annotations

import numpy as np
import torch

from tests.support.mosaics import LEGEND


def naive(models, reader, passes, patch, weight, margin=0):
    """Return (K, H, W) class probabilities, the mean over one or several models.

    ``naive.entropy`` is then the mean entropy of a model's view, (H, W), and ``naive.shared`` that of the models' mean.

    Args:
        models: A function of image and validity that gives logits, or a list of them.
        reader: The imagery.
        passes: (start row, start column, views) each; a view is (turns, flipped).
        patch: Patch size P.
        weight: (P, P).
        margin: Pixels of each patch that are cut off at each edge.
    """
    models = models if isinstance(models, list) else [models]
    height, width = reader.valid.shape
    pad = 4 * patch
    step = patch - 2 * margin

    def padded(band):
        band = np.pad(band, ((pad, pad), (0, 0)), mode="reflect" if height > 1 else "edge")
        return np.pad(band, ((0, 0), (pad, pad)), mode="reflect" if width > 1 else "edge")

    def turned(array, view):
        return np.rot90(array[..., ::-1] if view[1] else array, view[0], (-2, -1)).copy()

    def back(array, view):
        upright = np.rot90(array, -view[0], (-2, -1))
        return upright[..., ::-1] if view[1] else upright

    image, valid = np.stack([padded(b) for b in reader.image]), padded(reader.valid)
    total = np.zeros((len(LEGEND), *valid.shape))
    weights, entropies, shared = (np.zeros(valid.shape) for _ in range(3))
    for first_row, first_col, views in passes:
        for row in range(first_row, height, step):
            for col in range(first_col, width, step):
                top, left = row - margin + pad, col - margin + pad
                here = slice(top, top + patch), slice(left, left + patch)
                for view in views:
                    of_models = []
                    for model in models:
                        logits = model(
                            torch.from_numpy(turned(image[:, *here], view))[None],
                            torch.from_numpy(turned(valid[here], view))[None],
                        )[0].double()
                        of_models.append(back(torch.softmax(logits, 0).numpy(), view))
                    shares = sum(of_models) / len(models)
                    own = sum(-(p * np.log(p)).sum(0) for p in of_models) / len(models)
                    together = -(shares * np.log(shares)).sum(0)
                    for i in range(margin, patch - margin):
                        for j in range(margin, patch - margin):
                            w = weight[i, j] / len(views)
                            total[:, top + i, left + j] += w * shares[:, i, j]
                            entropies[top + i, left + j] += w * own[i, j]
                            shared[top + i, left + j] += w * together[i, j]
                            weights[top + i, left + j] += w
    inner = slice(pad, pad + height), slice(pad, pad + width)
    naive.entropy, naive.shared = entropies[inner] / weights[inner], shared[inner] / weights[inner]
    return total[:, *inner] / weights[inner]
