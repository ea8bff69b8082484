"""Augmentation of a batch: every sample draws which operations change it, and how strongly.

All draws are one table of numbers from one CPU generator, a row for each sample, with columns for every
operation of the catalogue, switched on or not. So the same seed gives a sample the same draws whatever the device or
the number of samples after it, and switching one operation off leaves the draws of the others unchanged (except for
weather, of which a sample gets at most one). With its row given, a sample's result does not depend on its neighbours.
Noise of single pixels is drawn on the device, from seeds in the table: it differs between CPU and GPU.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor, nn

from lulcseg.augment.catalogue import CATALOGUE
from lulcseg.augment.operation import Batch, Move, Operation, Photometric, seeds
from lulcseg.augment.optical_bands import OpticalBands
from lulcseg.augment.warp import Affine, Elastic, compose, warp
from lulcseg.errors import LulcsegError
from lulcseg.seeds import mixed_seed
from lulcseg.settings.augment import LATER

CPU_SAMPLES = 1
"""Samples changed together on a CPU, whose cache holds one of 512² (2 to 32 are slower); a GPU changes all at once."""

_COLUMNS: dict[str, slice] = {}
_ORDER = [operation.name for operation in CATALOGUE]
_WIDTH = 0
for _operation in sorted(CATALOGUE, key=lambda o: o.name in LATER):
    _COLUMNS[_operation.name] = slice(_WIDTH, _WIDTH + 1 + _operation.draws)  # the first decides, the others say how
    _WIDTH += 1 + _operation.draws
_PLACES = 1  # sets their seeds apart from those of the columns added later
_FIRST_WIDTH = min(_COLUMNS[name].start for name in LATER)
_ONE_OF = next(_COLUMNS[o.name].start for o in CATALOGUE if o.group == "weather")


class Augmentation(nn.Module):
    """Random changes to a batch of training patches, on the device the batch is on.

    Args:
        operations: The operations, each applied to some samples.
        probability: The probability of each, by name, 0…1. Weather's add up to at most 1: a sample gets one of them.
        strength: Factor on all strengths; 0: nothing changes.
        most: Most photometric operations that act on a sample, chosen at random among those drawn for it; None: all.
        crop: Width and height of the result, in pixels; None: those of the input. Input beyond it is a margin that
            warps may read from.
        optical: The bands that photometric operations act on; None: all. Geometry moves all of them.
    """

    def __init__(
        self,
        operations: Sequence[Operation],
        probability: Mapping[str, float],
        *,
        strength: float = 1.0,
        most: int | None = None,
        crop: int | None = None,
        optical: OpticalBands | None = None,
    ) -> None:
        super().__init__()
        self.optical = optical or OpticalBands(None, 0)
        kept = [o for o in operations if probability[o.name] > 0 and strength > 0]
        self.operations = sorted(kept, key=lambda o: _ORDER.index(o.name))
        self.probability = dict(probability)
        self.strength, self.most, self.crop = strength, most, crop

    @torch.no_grad()
    def forward(
        self, image: Tensor, mask: Tensor, valid: Tensor, *, generator: torch.Generator | None = None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Change a batch.

        Args:
            image: (B, C, S, S) float32, 0…1. Values of pixels that aren't valid are arbitrary.
            mask: (B, S, S) class index, 255 where not known.
            valid: (B, S, S) bool.
            generator: CPU generator of the table of draws; None: torch's global one.

        Returns:
            (B, C, P, P), (B, P, P) and (B, P, P) of the same types, with P = ``crop`` or S. Values stay in
            0…1. A sample that no operation chose is returned bit for bit. Where ``valid`` is False
            image values are arbitrary.

        Raises:
            LulcsegError: Patches that aren't square, or smaller than ``crop``.
        """
        size = self._size(image)
        draws = table_of_draws(len(image), generator)
        some = len(image) if image.is_cuda else CPU_SAMPLES
        with torch.autocast(image.device.type, enabled=False):  # half precision would misplace labels
            parts = zip(*(torch.split(part, some) for part in (image, mask, valid, draws)), strict=True)
            done = [self._change(Batch(*given), rows, size) for *given, rows in parts]
        if len(done) == 1:
            return done[0]
        image, mask, valid = (torch.cat(part) for part in zip(*done, strict=True))
        return image, mask, valid

    def _change(self, batch: Batch, draws: Tensor, size: int) -> Batch:
        """Apply every operation to the samples whose draws choose it."""
        batch = self._geometry(batch, draws, size)
        photometric = [operation for operation in self.operations if isinstance(operation, Photometric)]
        for operation, chosen in zip(photometric, self._at_most(photometric, draws), strict=True):
            batch = self._photometric(batch, operation, draws, chosen.nonzero()[:, 0])
        return batch

    def extra_repr(self) -> str:
        """List the operations that are switched on."""
        return ", ".join(f"{o.name} {self.probability[o.name]:g}" for o in self.operations)

    def _size(self, image: Tensor) -> int:
        height, side = image.shape[-2:]
        if height != side:
            raise LulcsegError(f"patches of {height} × {side} pixels are not square", where="augment")
        if self.crop is not None and self.crop > side:
            raise LulcsegError(f"patches of {side} pixels are smaller than the {self.crop} requested", where="augment")
        return side if self.crop is None else self.crop

    def _geometry(self, batch: Batch, draws: Tensor, size: int) -> Batch:
        """Crop, warp once, and move pixels."""
        first = (batch.image.shape[-1] - size) // 2
        own = slice(first, first + size)  # the only copy of the whole batch, changed in place from here on
        inner = Batch(*(part[..., own, own].clone() for part in batch))
        affine = [o for o in self.operations if isinstance(o, Affine)]
        elastic = next((o for o in self.operations if isinstance(o, Elastic)), None)
        bent = self._chosen(elastic, draws) if elastic else torch.zeros(len(draws), dtype=torch.bool)
        chosen = torch.stack([*(self._chosen(o, draws) for o in affine), bent], dim=1)
        warped = chosen.any(dim=1).nonzero()[:, 0]
        if len(warped):
            rows = draws[warped]
            matrix = compose(affine, [_own(o, rows) for o in affine], chosen[warped, :-1], self.strength)
            shift = None
            if elastic and bool(bent.any()):
                u = _own(elastic, rows).clone()
                u[:, 0] *= bent[warped]  # no shift for those that chose other warps only
                shift = elastic.displacement(u, size, self.strength, batch.image.device)
            inner = _changed(inner, warped, lambda _: warp(_select(batch, warped), matrix, shift, size))
        for operation in self.operations:
            if isinstance(operation, Move):
                inner = self._moved(inner, operation, draws)
        return inner

    def _moved(self, batch: Batch, operation: Move, draws: Tensor) -> Batch:
        index = self._chosen(operation, draws).nonzero()[:, 0]
        return _changed(batch, index, lambda some: operation.apply(some, _own(operation, draws[index])))

    def _photometric(self, batch: Batch, operation: Photometric, draws: Tensor, index: Tensor) -> Batch:
        def change(some: Batch) -> Batch:
            u = _own(operation, draws[index])
            shown = self.optical.of(some.image).clamp(0.0, 1.0)
            image = operation.apply(shown, some.valid, u, self.strength).clamp_(0.0, 1.0)
            return some._replace(image=self.optical.put_back(some.image, image))

        return _changed(batch, index, change)

    def _at_most(self, photometric: Sequence[Photometric], draws: Tensor) -> list[Tensor]:
        """Return for each photometric operation which samples it changes, :attr:`most` of them to a sample at most."""
        chosen = [self._chosen(operation, draws) for operation in photometric]
        if self.most is None or len(photometric) <= self.most:
            return chosen
        numbers = [_ORDER.index(operation.name) for operation in photometric]
        places = _random_places(draws)[:, numbers].masked_fill(~torch.stack(chosen, dim=1), 2.0)
        first = places.argsort(dim=1)[:, : self.most]
        kept = torch.zeros_like(places, dtype=torch.bool).scatter_(1, first, True)
        return [each & kept[:, number] for number, each in enumerate(chosen)]

    def _chosen(self, operation: Operation, draws: Tensor) -> Tensor:
        """Return which samples an operation changes: (B,) bool on the CPU."""
        probability = self.probability[operation.name]
        if operation.group != "weather":
            return draws[:, _COLUMNS[operation.name].start] < probability
        before = [o for o in self.operations if o.group == "weather"]
        start = sum(self.probability[o.name] for o in before[: before.index(operation)])
        draw = draws[:, _ONE_OF]
        return (draw >= start) & (draw < start + probability)


def table_of_draws(samples: int, generator: torch.Generator | None = None) -> Tensor:
    """Draw the table of a batch: (samples, columns) float64 in [0, 1), on the CPU.

    The columns of operations that were added later are drawn from a seed of the sample's own, so that neither the other
    columns nor the number of samples makes a difference.

    Args:
        samples: Number of samples.
        generator: CPU generator; None: torch's global one.
    """
    first = torch.rand(samples, _FIRST_WIDTH, dtype=torch.float64, generator=generator)
    own = torch.Generator()
    later = torch.empty(samples, _WIDTH - _FIRST_WIDTH, dtype=torch.float64)
    for row, seed in zip(later, seeds(first[:, -1]), strict=True):
        row.uniform_(generator=own.manual_seed(seed))
    return torch.cat([first, later], dim=1)


def _random_places(draws: Tensor) -> Tensor:
    """Return numbers in [0, 1) for the operations of the catalogue, (B, operations), by which they are put in order.

    Mixed from the seed of the columns that were added later, so that the table stays as it is.
    """
    own = torch.Generator()
    places = torch.empty(len(draws), len(_ORDER), dtype=torch.float64)
    for row, seed in zip(places, seeds(draws[:, _FIRST_WIDTH - 1]), strict=True):
        row.uniform_(generator=own.manual_seed(mixed_seed(seed, _PLACES)))
    return places


def _own(operation: Operation, draws: Tensor) -> Tensor:
    """Return an operation's own draws, without the one that decides whether it is applied."""
    columns = _COLUMNS[operation.name]
    return draws[:, columns.start + 1 : columns.stop]


def _select(batch: Batch, index: Tensor) -> Batch:
    on_device = index.to(batch.image.device, non_blocking=True)
    return Batch(*(part.index_select(0, on_device) for part in batch))


def _changed(batch: Batch, index: Tensor, change: Callable[[Batch], Batch]) -> Batch:
    """Change the samples at ``index`` (on the CPU), in place; the others don't change."""
    if len(index):
        before = _select(batch, index)
        on_device = index.to(batch.image.device, non_blocking=True)
        for part, old, new in zip(batch, before, change(before), strict=True):
            if new is not old:
                part.index_copy_(0, on_device, new)
    return batch
