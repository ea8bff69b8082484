"""The bands that light makes, among others: what changes brightness takes them out and puts them back."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn


class OpticalBands(nn.Module):
    """Applies changes to some bands of images, and leaves the others as they are.

    It has no parameters; its indices move with the model, so that nothing waits for them. What it does, ONNX can too.

    Args:
        places: Places of the optical bands, ascending; None: all are.
        bands: Number of all bands.

    Attributes:
        count: Number of optical bands.

    Examples:
        >>> optical = OpticalBands([0, 2], 3)
        >>> image = torch.tensor([1.0, 2.0, 3.0]).view(1, 3, 1, 1)
        >>> optical.changed(image, lambda some: some * 10).flatten().tolist()
        [10.0, 2.0, 30.0]
    """

    optical: Tensor
    rest: Tensor
    order: Tensor

    def __init__(self, places: Sequence[int] | None, bands: int) -> None:
        super().__init__()
        own = list(range(bands)) if places is None else list(places)
        rest = [place for place in range(bands) if place not in set(own)]
        self.are_all, self.count = not rest, len(own)
        order = torch.tensor([*own, *rest], dtype=torch.int64).argsort()
        tensors = {"optical": torch.tensor(own, dtype=torch.int64), "rest": torch.tensor(rest, dtype=torch.int64)}
        for name, tensor in {**tensors, "order": order}.items():
            self.register_buffer(name, None if self.are_all else tensor, persistent=False)

    def of(self, image: Tensor) -> Tensor:
        """Return the optical bands: (B, C, …) → (B, ``count``, …)."""
        return image if self.are_all else image.index_select(1, self.optical.to(image.device))

    def put_back(self, image: Tensor, optical: Tensor) -> Tensor:
        """Return an image with other optical bands.

        Args:
            image: (B, C, …) any type.
            optical: (B, ``count``, …), whose type the result has.
        """
        if self.are_all:
            return optical
        others = image.index_select(1, self.rest.to(image.device)).to(optical.dtype)
        return torch.cat([optical, others], dim=1).index_select(1, self.order.to(image.device))

    def changed(self, image: Tensor, change: Callable[[Tensor], Tensor]) -> Tensor:
        """Return an image whose optical bands a function has changed."""
        return self.put_back(image, change(self.of(image)))
