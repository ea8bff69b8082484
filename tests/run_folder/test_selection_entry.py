"""What a record says of the choice of its checkpoint."""

from __future__ import annotations

from lulcseg.run_folder.record import RunRecord
from lulcseg.run_folder.selection_entry import SelectionEntry


def test_it_is_read_as_it_was_written() -> None:
    entry = SelectionEntry(monitor="val/loss", mode="min", value=0.25, epoch=3, epochs=9, stopped_early=True, ema=0.99)
    record = RunRecord.from_plain({"name": "x", "selection": entry.to_plain(), "checkpoint": "best.ckpt"})
    assert record.selection is not None
    assert record.selection.sentence == entry.sentence
    assert entry.sentence == (
        "best.ckpt is epoch 3 of 9, of the lowest validation loss (0.25); its weights are averaged (trainer.ema=0.99); "
        "training stopped early."
    )
    assert RunRecord.from_plain({"name": "x"}).selection is None


def test_it_says_that_minutes_were_spent() -> None:
    entry = SelectionEntry(
        monitor="val/kappa", mode="max", value=0.5, epoch=3, epochs=9, stopped_early=True, minutes=2.5
    )
    assert entry.sentence == (
        "best.ckpt is epoch 3 of 9, of the highest validation kappa (0.5); training stopped early, as its minutes were "
        "spent (trainer.minutes=2.5)."
    )


def test_a_score_that_never_moved_is_said_to() -> None:
    def sentence(value: float, monitor: str = "val/mean_f1") -> str:
        return SelectionEntry(
            monitor=monitor, mode="max", value=value, classes=2, of_classes=6, epoch=3, epochs=3
        ).sentence

    assert sentence(0.0) == (
        "best.ckpt is epoch 3 of 3, of the highest validation mean F1 (0, over 2 of 6 classes); no epoch scored "
        "above 0."
    )
    assert "no epoch" not in sentence(0.1)


def test_a_record_of_an_earlier_version_says_no_number_of_classes() -> None:
    plain = {"monitor": "val/mean_f1", "mode": "max", "value": 0.7, "epoch": 2, "epochs": 3}
    entry = SelectionEntry.from_plain(plain)
    assert entry.sentence == "best.ckpt is epoch 2 of 3, of the highest validation mean F1 (0.7)."
    assert entry.to_plain() == plain
