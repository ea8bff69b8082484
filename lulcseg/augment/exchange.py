"""Training patches that take on the look of unlabelled mosaics: raw values, changed before scaling and augmentation."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from lulcseg.augment.band_matching import BandMatching, Quantiles, match_rows
from lulcseg.augment.low_frequencies import with_amplitudes
from lulcseg.augment.optical_bands import OpticalBands
from lulcseg.augment.stretch import Limits

_DRAWS = 4


class Exchange(nn.Module):
    """Changes some patches of a batch towards one of several unlabelled mosaics.

    All draws are one table of numbers from one CPU generator, a row for each patch: whether it is changed, towards
    which mosaic, by how much, and towards which of the mosaic's patches.

    Args:
        p: Share of patches that are changed, 0…1.
        least: Smallest share of the changed patch in the result, drawn from here to 1.
        trained: For each training mosaic, its quantiles.
        unlabelled: For each unlabelled mosaic, its quantiles.
        amplitudes: For each unlabelled mosaic, low frequencies' amplitudes of N of its patches, (N, C, 2 b + 1, b + 1),
            N the same for all; None: values are matched by their quantiles instead.
        limits: For each unlabelled mosaic, the limits that scaling stretches it by, (1, C or 1, 1, 1), if scaling uses
            those of the mosaic.
        optical: The bands that are changed, of which the quantiles and amplitudes are; None: all.
    """

    amplitudes: Tensor | None
    offsets: Tensor | None
    spans: Tensor | None
    knots: Tensor
    values: Tensor
    of_bytes: Tensor
    lowest: Tensor
    highest: Tensor

    def __init__(
        self,
        p: float,
        least: float,
        trained: Sequence[Quantiles],
        unlabelled: Sequence[Quantiles],
        *,
        amplitudes: Sequence[Tensor] | None = None,
        limits: Sequence[Limits] | None = None,
        optical: OpticalBands | None = None,
    ) -> None:
        super().__init__()
        self.optical = optical or OpticalBands(None, 0)
        self.p, self.least_share, self.mosaics = p, least, len(unlabelled)
        pairs = [BandMatching(own, other, where="exchange") for own in trained for other in unlabelled]
        longest = max(pair.knots.shape[1] for pair in pairs)
        for name in ("knots", "values"):
            rows = [_edged(getattr(pair, name), longest) for pair in pairs]
            self.register_buffer(name, torch.stack(rows), persistent=False)  # (pairs, C, n)
        self.register_buffer("of_bytes", torch.stack([pair.of_bytes for pair in pairs]), persistent=False)
        ends = [
            (min(a[0], b[0]), max(a[-1], b[-1]))
            for own in trained
            for other in unlabelled
            for a, b in zip(own, other, strict=True)
        ]
        bounds = torch.tensor(ends, dtype=torch.float32).view(len(pairs), -1, 2)
        self.register_buffer("lowest", bounds[..., 0], persistent=False)  # (pairs, C)
        self.register_buffer("highest", bounds[..., 1], persistent=False)
        pool = None if amplitudes is None else torch.stack(list(amplitudes))  # (mosaics, N, C, 2 b + 1, b + 1)
        self.register_buffer("amplitudes", pool, persistent=False)
        for name, part in (("offsets", "offset"), ("spans", "span")):
            known = None if limits is None else torch.cat([getattr(each, part) for each in limits])
            self.register_buffer(name, known, persistent=False)

    @torch.no_grad()
    def forward(
        self, image: Tensor, valid: Tensor, scene: Tensor, limits: Limits | None, generator: torch.Generator
    ) -> tuple[Tensor, Limits | None]:
        """Change some patches of a batch.

        Args:
            image: (B, C, S, S) raw values in the imagery's own type.
            valid: (B, S, S) bool.
            scene: (B,) int64, the number of each patch's training mosaic.
            limits: Those of the patches' own mosaics, (B, C or 1, 1, 1), if scaling uses them.
            generator: CPU generator of the draws.

        Returns:
            (B, C, S, S) float32 raw values, those of other patches as they were; and the limits, moved towards the
            unlabelled mosaic's as the patch was.
        """
        changed, limits = self._exchanged(self.optical.of(image), valid, scene, limits, generator)
        return self.optical.put_back(image, changed), limits

    def _exchanged(
        self, image: Tensor, valid: Tensor, scene: Tensor, limits: Limits | None, generator: torch.Generator
    ) -> tuple[Tensor, Limits | None]:
        """Change optical bands, (B, optical, S, S)."""
        draws = torch.rand(len(image), _DRAWS, dtype=torch.float64, generator=generator)
        chosen = (draws[:, 0] < self.p).nonzero()[:, 0]
        raw = image.float()
        if not len(chosen):
            return raw, limits
        draws = draws[chosen]
        device = image.device
        index = chosen.to(device, non_blocking=True)
        mosaic = _numbers(draws[:, 1], self.mosaics).to(device, non_blocking=True)
        share = (1 - draws[:, 2] * (1 - self.least_share)).float().to(device, non_blocking=True).view(-1, 1, 1, 1)
        pair = scene.index_select(0, index) * self.mosaics + mosaic
        some = raw.index_select(0, index)
        if self.amplitudes is None:
            changed = torch.lerp(some, self._matched(image.index_select(0, index), pair), share)
        else:
            patch = _numbers(draws[:, 3], self.amplitudes.shape[1]).to(device, non_blocking=True)
            changed = with_amplitudes(some, valid.index_select(0, index), self.amplitudes[mosaic, patch], share)
            low, high = (ends[pair][..., None, None] for ends in (self.lowest, self.highest))
            changed = changed.clamp(low, high)
        raw = raw.index_copy(0, index, changed)
        return raw, None if limits is None else self._moved(limits, index, mosaic, share)

    def _matched(self, image: Tensor, pair: Tensor) -> Tensor:
        """Match values to the unlabelled mosaic's quantiles: (n, C, S, S) → the same."""
        tables = (table[pair].flatten(0, 1) for table in (self.knots, self.values, self.of_bytes))
        return match_rows(image.flatten(0, 1).flatten(1), *tables).view(image.shape)

    def _moved(self, limits: Limits, index: Tensor, mosaic: Tensor, share: Tensor) -> Limits:
        """Move limits of some patches towards those of the mosaics that the patches were changed towards."""
        assert self.offsets is not None
        assert self.spans is not None
        ends = ((limits.offset, self.offsets), (limits.span, self.spans))
        moved = [
            own.index_copy(0, index, torch.lerp(own.index_select(0, index), theirs[mosaic], share))
            for own, theirs in ends
        ]
        return Limits(*moved)

    def extra_repr(self) -> str:
        """Describe what is exchanged."""
        return f"{'values' if self.amplitudes is None else 'amplitudes'} of {self.mosaics} mosaics, {self.p:g}"


def _numbers(draws: Tensor, among: int) -> Tensor:
    """Turn draws in [0, 1) into whole numbers from 0: (n,) → (n,) int64."""
    return (draws * among).long()


def _edged(rows: Tensor, length: int) -> Tensor:
    """Continue rows (C, n) by their last value to a length."""
    return torch.cat([rows, rows[:, -1:].expand(-1, length - rows.shape[1])], dim=1)
