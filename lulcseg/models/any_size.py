"""Networks of segmentation-models-pytorch at any size: padded to one that they take, and cut back."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn
from torch.nn import functional

from lulcseg.errors import LulcsegError

ONE_VALUE = "Expected more than 1 value per channel"
"""PyTorch's words where batch norm is to train on a single value."""


class AnySize(nn.Module):
    """A network of segmentation-models-pytorch that takes any size.

    The names of its weights are those of the network that it is made of.

    Args:
        network: The network.
        multiple: Heights and widths that it takes are multiples of this, in pixels.
        least: The smallest that it takes, in pixels.
        fixed: The only size that its encoder takes, in pixels, or None.
    """

    encoder: nn.Module
    decoder: nn.Module
    segmentation_head: nn.Module

    def __init__(self, network: Any, multiple: int = 1, least: int = 1, fixed: int | None = None) -> None:
        super().__init__()
        self.encoder, self.decoder = network.encoder, network.decoder
        self.segmentation_head = network.segmentation_head
        self.multiple, self.least, self.fixed = multiple, least, fixed

    def forward(self, image: Tensor) -> Tensor:
        """Return logits (B, K, H, W) for images (B, C, H, W).

        Raises:
            LulcsegError: Images larger than the one size that the encoder takes, or a batch that is too small for
                batch norm.
        """
        height, width = image.shape[-2:]
        padded = pad_to(image, self._taken(height), self._taken(width))
        try:
            features = self.encoder(padded)
            decoded = self.decoder(*features) if isinstance(features, tuple) else self.decoder(features)
        except ValueError as error:
            if ONE_VALUE not in str(error):
                raise
            raise LulcsegError(
                f"this architecture pools a whole patch into one value, and batch norm can't be trained on "
                f"{len(image)} of them",
                where="model.architecture",
                remedy="train with two patches or more at a time (trainer.batch_size), or use Unet",
            ) from error
        logits: Tensor = self.segmentation_head(decoded)
        return logits if padded is image else logits[..., :height, :width]

    def _taken(self, size: int) -> int:
        """Return the size to pad a height or width to."""
        if self.fixed is None:
            return max(self.least, -(-size // self.multiple) * self.multiple)
        if size > self.fixed:
            raise LulcsegError(
                f"this encoder takes images of {self.fixed}², not of {size}",
                where="model.encoder",
                remedy=f"set sampling.patch_size and mosaic.patch_size to {self.fixed} or less, or use another encoder",
            )
        return self.fixed


def pad_to(image: Tensor, height: int, width: int) -> Tensor:
    """Pad images at the bottom and the right: by reflection, or by their last pixels where that is too narrow.

    Args:
        image: (B, C, H, W).
        height: To pad to, at least H.
        width: To pad to, at least W.

    Returns:
        (B, C, height, width); the image itself if it has that size.

    Examples:
        >>> import torch
        >>> pad_to(torch.tensor([[[[1.0, 2.0, 3.0]]]]), 1, 5).flatten().tolist()
        [1.0, 2.0, 3.0, 2.0, 1.0]
    """
    down, right = height - image.shape[-2], width - image.shape[-1]
    if down == right == 0:
        return image
    reflects = down < image.shape[-2] and right < image.shape[-1]
    return functional.pad(image, (0, right, 0, down), mode="reflect" if reflects else "replicate")
