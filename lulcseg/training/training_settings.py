"""The sections of a run's settings that a training step depends on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from lulcseg.errors import LulcsegError
from lulcseg.settings.augment import AugmentSettings, OperationShares
from lulcseg.settings.exchange import ExchangeSettings
from lulcseg.settings.loss import LossSettings
from lulcseg.settings.optim import OptimSettings
from lulcseg.settings.registry import plain_section
from lulcseg.settings.self_training import SelfTrainingSettings
from lulcseg.settings.trainer import TrainerSettings
from lulcseg.settings.value_types import check_types

if TYPE_CHECKING:
    from lulcseg.settings.config import TrainConfig

EPOCHS, MINUTES = "trainer.epochs", "trainer.minutes"
LENGTH = (EPOCHS, MINUTES)
"""Settings of a training's length, over which its learning rate is laid out."""


@dataclass(frozen=True)
class TrainingSettings:
    """What a training step depends on, beside the model itself (:class:`~lulcseg.training.model_record.ModelRecord`).

    Attributes:
        augment: Random changes to training patches.
        loss: The loss.
        optim: Optimiser and learning-rate schedule.
        trainer: Batch size, epochs, precision and device.
        seed: Seed of the run.
        exchange: How patches take on the look of unlabelled mosaics.
        self_training: How unlabelled mosaics are learnt from.
    """

    augment: AugmentSettings = field(default_factory=AugmentSettings)
    loss: LossSettings = field(default_factory=LossSettings)
    optim: OptimSettings = field(default_factory=OptimSettings)
    trainer: TrainerSettings = field(default_factory=TrainerSettings)
    seed: int = 0
    exchange: ExchangeSettings = field(default_factory=ExchangeSettings)
    self_training: SelfTrainingSettings = field(default_factory=SelfTrainingSettings)

    @classmethod
    def of(cls, config: TrainConfig) -> TrainingSettings:
        """Return the sections of a run's settings."""
        return cls(
            config.augment,
            config.loss,
            config.optim,
            config.trainer,
            config.seed,
            config.exchange,
            config.self_training,
        )

    def fixed(self) -> dict[str, Any]:
        """Return the settings that must stay the same when training is resumed, by their dotted keys.

        ``trainer.micro_batch`` is one of them if patches are augmented, as each micro-batch draws for itself.
        Without augmentation it changes a step only a little, through batch norm and batch scaling.
        """
        sections: dict[str, Any] = {"augment": self.augment.with_preset(), "loss": self.loss, "optim": self.optim}
        sections |= {"exchange": self.exchange, "self_training": self.self_training}
        whole = {
            f"{name}.{key}": value for name, each in sections.items() for key, value in plain_section(each).items()
        }
        trainer = self.trainer
        whole |= {"trainer.batch_size": trainer.batch_size, EPOCHS: trainer.epochs, MINUTES: trainer.minutes}
        whole |= {"trainer.monitor": trainer.monitor, "trainer.ema": trainer.ema}
        return whole | ({"trainer.micro_batch": self.trainer.micro_batch} if self._augments else {})

    def differing(self, theirs: Mapping[str, Any]) -> list[str]:
        """Name the settings of :meth:`fixed` that differ from a checkpoint's, apart from the length (:data:`LENGTH`).

        Args:
            theirs: The checkpoint's, as :meth:`fixed` returned them. A setting that did not exist yet when it was
                written counts as its default, and an augmentation's preset as what it states.
        """
        mine, defaults = self.fixed(), TrainingSettings().fixed()
        known = dict(theirs) | {key: _completed(theirs.get(key, value), value) for key, value in defaults.items()}
        known |= _augmentation_with_preset(known)
        found = [key for key in {**mine, **known} if key not in LENGTH and known.get(key) != mine.get(key)]
        follow = {"augment.p", "augment.strengths"} if "augment.name" in found else set()  # of the preset
        return [key for key in found if key not in follow]

    @property
    def _augments(self) -> bool:
        """Whether draws change patches: by a preset, single operations, a target, an exchange, or self-training."""
        own = self.self_training.weight > 0 or self.augment.name != "none" or any(asdict(self.augment.p).values())
        return own or self.augment.target is not None or self.exchange.share > 0


def _augmentation_with_preset(known: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of an augmentation with its preset's values; nothing if a later version wrote them."""
    stated = {key.removeprefix("augment."): value for key, value in known.items() if key.startswith("augment.")}
    try:
        check_types(AugmentSettings, stated, "augment")
        settings = AugmentSettings(**{**stated, "p": OperationShares(**stated["p"])}).with_preset()
    except (TypeError, LulcsegError):
        return {}
    return {f"augment.{key}": value for key, value in plain_section(settings).items()}


def _completed(value: Any, default: Any) -> Any:
    """Fill the keys that a mapping lacks with those of its default; other values stay as they are."""
    return {**default, **value} if isinstance(value, Mapping) and isinstance(default, Mapping) else value
