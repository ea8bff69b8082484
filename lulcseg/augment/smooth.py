"""Smooth random fields: a few random numbers on a coarse grid, enlarged by cubic B-splines.

Displacements, clouds and fog are smooth, so no pixel needs a draw of its own: two thin matrix products give a field of
512² pixels in about a millisecond.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def spline_weights(position: Tensor, cells: int) -> Tensor:
    """Return the weights of the knots of a uniform cubic B-spline.

    Args:
        position: (n, P) in cells, 0…cells from one end to the other; positions beyond are clamped.
        cells: Cells of the grid; it has cells + 3 knots.

    Returns:
        (n, P, cells + 3) float32, each row summing to 1.

    Examples:
        >>> weights = spline_weights(torch.tensor([[0.0, 0.5]]), cells=1)
        >>> [[round(w, 3) for w in row] for row in weights[0].tolist()]
        [[0.167, 0.667, 0.167, 0.0], [0.021, 0.479, 0.479, 0.021]]
    """
    knots = torch.arange(cells + 3, device=position.device) - 1.0
    apart = (position.unsqueeze(-1).float().clamp(0, cells) - knots).abs()
    inner = 2.0 / 3.0 - apart**2 + apart**3 / 2.0
    outer = (2.0 - apart).clamp(min=0.0) ** 3 / 6.0
    return torch.where(apart < 1.0, inner, outer)


def enlarge(knots: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """Evaluate spline surfaces.

    Args:
        knots: (n, cells_y + 3, cells_x + 3).
        rows: (n or 1, H) positions from the top, in shares of the grid's height (0…1).
        columns: (n or 1, W) likewise from the left.

    Returns:
        (n, H, W) float32.
    """
    cells_y, cells_x = (side - 3 for side in knots.shape[1:])
    down, across = spline_weights(rows * cells_y, cells_y), spline_weights(columns * cells_x, cells_x)
    return torch.matmul(torch.matmul(down, knots), across.mT)


def draw_knots(own: Sequence[int], sizes: Sequence[tuple[int, int]], device: torch.device) -> list[Tensor]:
    """Draw normal knot values on the CPU (the same for every device), each sample from its own seed.

    Args:
        own: The samples' seeds.
        sizes: Cells (down, across) of each grid.
        device: Device that they are moved to.

    Returns:
        One (n, cells_y + 3, cells_x + 3) float32 a grid.
    """
    lengths = [(y + 3) * (x + 3) for y, x in sizes]
    values = torch.empty(len(own), sum(lengths))
    generator = torch.Generator()
    for sample, seed in zip(values, own, strict=True):
        sample.normal_(generator=generator.manual_seed(seed))
    parts = torch.split(values.to(device, non_blocking=True), lengths, dim=1)
    return [part.reshape(-1, y + 3, x + 3) for part, (y, x) in zip(parts, sizes, strict=True)]


def octaves(knots: Sequence[Tensor], rows: Tensor, columns: Tensor, persistence: float) -> Tensor:
    """Sum fields from coarse to fine, each ``persistence`` times as strong as the one before.

    Args:
        knots: From :func:`draw_knots`, coarse to fine.
        rows: As for :func:`enlarge`.
        columns: As for :func:`enlarge`.
        persistence: Below 1 (about 0.5: clouds).

    Returns:
        (n, H, W) float32, zero mean on average.
    """
    total = enlarge(knots[0], rows, columns)
    for octave, grid in enumerate(knots[1:], start=1):
        total = total + enlarge(grid, rows, columns) * persistence**octave
    return total


def pixel_centres(length: int, device: torch.device) -> Tensor:
    """Return the positions of pixel centres in shares of a side: (1, length)."""
    return ((torch.arange(length, device=device) + 0.5) / length).unsqueeze(0)
