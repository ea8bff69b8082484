"""Which scenes a run reads (``scenes:``)."""

from __future__ import annotations

from dataclasses import dataclass

from lulcseg.settings.schema import setting


@dataclass
class TrainScenes:
    """Which scenes a run trains on, and which it maps and assesses, by name or path."""

    train: list[str] = setting([], "Scenes to train on; empty: the one of `scene`.")
    assess: list[str] = setting([], "Scenes to map and assess; empty: those trained on.")
    unlabelled: list[str] = setting(
        [], "Scenes whose imagery alone is used in training (exchange), without their labels: other dates and sensors."
    )
    sources: list[str] = setting([], "Sources to use of those that the scenes list under imagery; empty: all.")


@dataclass
class PredictScenes:
    """Which scenes a prediction maps, by name or path."""

    assess: list[str] = setting([], "Scenes to map and assess; empty: the one of `scene`.")
