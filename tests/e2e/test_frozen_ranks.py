"""Two processes train a network of which a part is frozen, and a part unused: neither waits for gradients."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.encoders import save_encoder
from tests.support.small_runs import script

Make = Callable[..., Path]


@pytest.mark.slow
def test_frozen_and_unused_weights_are_no_obstacle_to_two_processes(make_scene: Make, tmp_path: Path) -> None:
    save_encoder(tmp_path / "mine.pth")
    done = script(
        "train.py", f"scene={make_scene()}", f"run_dir={tmp_path}/run", f"cache={tmp_path}/cache", "model=smp",
        "model.encoder=resnet18", "model.architecture=PSPNet", f"model.encoder_weights={tmp_path}/mine.pth",
        "model.freeze=first_1", "optim.encoder_rate=0.1", "sampling.patch_size=32", "sampling.patches=8",
        "trainer.batch_size=4", "trainer.epochs=1", "trainer.accelerator=cpu", "trainer.devices=2",
        "trainer.strategy=ddp", "trainer.precision=32-true", "reading.workers=0", "logger=none",
        "stop_after=training", "validation.fraction=0", cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "run" / "checkpoints" / "best.ckpt").is_file()
