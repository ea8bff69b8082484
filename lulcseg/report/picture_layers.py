"""Pictures of one extent that a page lets its readers compare."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class PictureLayer:
    """One picture of a scene's extent.

    Attributes:
        key: Short name, unique within the scene.
        label: Name for readers.
        uri: The picture as a data URI.
        is_classes: Whether it shows classes, which are drawn without smoothing.
    """

    key: str
    label: str
    uri: str
    is_classes: bool
