"""How a run's best checkpoint was chosen, as its record says it."""

from __future__ import annotations

from dataclasses import dataclass

from lulcseg.run_folder.record_entry import Entry

_PARTS = {"train": "training", "val": "validation"}
_SCORES = {"mean_f1": "mean F1", "loss_epoch": "loss"}


@dataclass(frozen=True, kw_only=True)
class SelectionEntry(Entry):
    """The choice of ``best.ckpt`` among a training's epochs.

    Attributes:
        monitor: Name of the score that it was chosen by.
        mode: Whether the highest (``max``) or the lowest (``min``) was chosen.
        value: Its value in that epoch; None: not known.
        classes: Number of classes that the score is a mean over; None: not known, or no such mean.
        of_classes: Number of classes in the legend; None likewise.
        epoch: Number of the epoch, from 1.
        epochs: Epochs trained.
        stopped_early: Whether training ended before its last epoch.
        minutes: Budget of minutes that was spent when training stopped; None: that isn't why it ended.
        ema: Decay of the weights' moving average; 0: the weights are as trained.
    """

    monitor: str
    mode: str
    value: float | None = None
    classes: int | None = None
    of_classes: int | None = None
    epoch: int
    epochs: int
    stopped_early: bool = False
    minutes: float | None = None
    ema: float = 0.0

    @property
    def sentence(self) -> str:
        """What "best" means in this run.

        Examples:
            >>> SelectionEntry(
            ...     monitor="val/mean_f1", mode="max", value=0.7123, classes=4, of_classes=6, epoch=7, epochs=20
            ... ).sentence
            'best.ckpt is epoch 7 of 20, of the highest validation mean F1 (0.712, over 4 of 6 classes).'
            >>> SelectionEntry(monitor="train/loss_epoch", mode="min", epoch=12, epochs=20).sentence
            'best.ckpt is epoch 12 of 20, of the lowest training loss: it was not chosen on held-out ground.'
        """
        part, _, score = self.monitor.partition("/")
        extreme = "highest" if self.mode == "max" else "lowest"
        text = f"best.ckpt is epoch {self.epoch} of {self.epochs}, of the {extreme} "
        text += f"{_PARTS.get(part, part)} {_SCORES.get(score, score)}"
        over = "" if self.classes is None else f", over {self.classes} of {self.of_classes} classes"
        text += "" if self.value is None else f" ({self.value:.3g}{over})"
        text += "" if part == "val" else ": it was not chosen on held-out ground"
        text += "; no epoch scored above 0" if self.mode == "max" and self.value is not None and self.value <= 0 else ""
        text += f"; its weights are averaged (trainer.ema={self.ema:g})" if self.ema else ""
        text += "; training stopped early" if self.stopped_early else ""
        text += "" if self.minutes is None else f", as its minutes were spent (trainer.minutes={self.minutes:g})"
        return text + "."
