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
