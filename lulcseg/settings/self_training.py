"""How training learns from unlabelled mosaics by what a teacher is sure of (``self_training:``)."""

from __future__ import annotations

from dataclasses import dataclass

from lulcseg.errors import LulcsegError
from lulcseg.settings.schema import setting

SHARED, OWN = "shared", "own"
"""Statistics that batch norm normalises unlabelled patches by."""


@dataclass
class SelfTrainingSettings:
    """How a model learns from unlabelled mosaics (`scenes.unlabelled`) what its own moving average is sure of."""

    weight: float = setting(
        0.0,
        "Weight of a pixel that the teacher labelled, beside 1 of a labelled one; 0: none are.",
        least=0.0,
        most=10.0,
    )
    confidence: float = setting(
        0.9, "Least probability of the teacher's class for a pixel to be labelled with it.", least=0.0, most=1.0
    )
    share: float = setting(
        0.5, "Unlabelled patches of a step, as a share of the labelled ones; at least one.", least=0.01, most=4.0
    )
    begins: float = setting(
        0.3, "Share of the training after which it begins, when the teacher knows something.", least=0.0, most=1.0
    )
    decay: float = setting(
        0.99,
        "Share of the teacher's weights that an optimiser step keeps, less at the beginning.",
        least=0.0,
        most=0.99999,
    )
    batch_norm: str = setting(
        SHARED,
        "Statistics that batch norm takes in training: shared: of labelled and unlabelled patches together; own: of "
        "either alone, of which the model keeps those of the labelled patches: map with adapt=batch_norm.",
        choices=(SHARED, OWN),
    )

    def __post_init__(self) -> None:
        """Refuse statistics of unlabelled patches where there are none.

        Raises:
            LulcsegError: ``batch_norm`` is set, and the weight is 0.
        """
        if self.batch_norm != SHARED and not self.weight:
            raise LulcsegError(
                f"self_training.batch_norm={self.batch_norm} does nothing with self_training.weight=0",
                where="configuration",
                remedy="set self_training.weight, or leave it out",
            )
