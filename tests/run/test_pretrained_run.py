"""Runs with pretrained encoders: what is recorded, and what is refused before anything is written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import rasterio
import torch

from lulcseg.errors import LulcsegError
from lulcseg.launch.compose import compose
from lulcseg.run import fingerprint as module
from lulcseg.run.fingerprint import fingerprint_of
from lulcseg.run.train import train
from lulcseg.run_folder.folder import RunFolder
from lulcseg.run_folder.record import RunRecord
from lulcseg.training.record_reading import load_checkpoint
from tests.support.encoders import save_encoder

Make = Callable[..., Path]
SMALL = [
    "sampling.patch_size=40", "sampling.patches=8", "trainer.batch_size=4", "trainer.epochs=1",
    "trainer.accelerator=cpu", "reading.workers=0", "logger.name=none", "trainer.precision=32-true",
    "model=smp", "model.encoder=resnet18", "model.architecture=FPN",
]  # fmt: skip


def test_a_frozen_encoder_of_a_file_maps_and_is_recorded(
    make_scene: Make, cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tensors = save_encoder(tmp_path / "mine.pth")
    run = tmp_path / "run"
    train(compose("train", [
        f"scene={make_scene()}", f"cache={cache}", f"run_dir={run}", *SMALL,
        f"model.encoder_weights={tmp_path}/mine.pth", "model.freeze=encoder",
    ]))  # fmt: skip
    said = capsys.readouterr().out + capsys.readouterr().err
    assert "100 tensors of the encoder taken by name, 1 left out (fc.weight)" in said
    assert "normalised as file mine.pth expects: mean 0.485, 0.456, 0.406" in said
    record, checkpoint = load_checkpoint(run / "checkpoints" / "best.ckpt")
    assert record.weights is not None
    assert record.weights.source == "file mine.pth"
    for name, tensor in tensors.items():
        assert torch.equal(checkpoint["state_dict"][f"network.encoder.{name}"], tensor), name
    entry = RunRecord.load(RunFolder(run)).encoder_weights
    assert entry is not None
    assert (entry["source"], entry["licence"], entry["sha256"]) == ("file mine.pth", "not known", record.weights.sha256)
    assert "file mine.pth (licence not known)" in (run / "report.html").read_text()
    (tmp_path / "mine.pth").unlink()  # the map needs it no more
    with rasterio.open(run / "maps" / "scene_single.tif") as written:
        assert written.tags()["encoder_weights"] == "file mine.pth (licence not known)"


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (["model.encoder_weights=none.pth"], r"model\.encoder_weights=none\.pth: there is no such file"),
        (["model.encoder_weights=OTHER"], "are not in the file|no name in common|in order"),
        (["model.encoder_weights=MINE", "scaling=standardise"], "standardise takes out mean and deviation"),
        (["model=unet", "model.encoder_weights=MINE"], "unet has no encoder"),
        (["model=unet", "model.freeze=encoder"], "UNet has no encoder"),
        (["model=unet", "optim.encoder_rate=0.1"], "UNet has no encoder"),
        (["model.encoder_weights=MINE", "model.freeze=first_7"], "has 5 stages"),
        (["model.freeze=first_2"], r"freeze=first_2 would keep random weights.*; set model\.encoder_weights"),
        (["model.encoder_weights=MINE", "model.freeze=encoder", "optim.encoder_rate=0.1"], "encoder_rate=0.1 has no"),
        (["model.architecture=DeepLabV3", "trainer.batch_size=1"], r"on a single patch .*; set trainer\.batch_size=3"),
        (["model.encoder=tu-swin_tiny_patch4_window7_224", "sampling.patch_size=256"], "takes images of 224²"),
    ],
)
def test_what_can_not_be_is_a_sentence_before_anything_is_written(
    make_scene: Make, cache: Path, tmp_path: Path, overrides: list[str], words: str
) -> None:
    save_encoder(tmp_path / "mine.pth")
    save_encoder(tmp_path / "other.pth", "mobilenet_v2")
    names = {"MINE": f"{tmp_path}/mine.pth", "OTHER": f"{tmp_path}/other.pth"}
    for name, path in names.items():
        overrides = [override.replace(name, path) for override in overrides]
    run = tmp_path / "run"
    config = compose("train", [f"scene={make_scene()}", f"cache={cache}", f"run_dir={run}", *SMALL, *overrides])
    with pytest.raises(LulcsegError, match=words):
        train(config)
    assert not run.exists()


def test_a_file_of_weights_counts_by_content(make_scene: Make, tmp_path: Path) -> None:
    scene = make_scene()
    for name, content in (("a.pth", b"1"), ("same.pth", b"1"), ("other.pth", b"2")):
        (tmp_path / name).write_bytes(content)

    def of(name: str) -> str:
        module._opened.cache_clear()
        weights = [f"model.encoder_weights={tmp_path}/{name}"] if name else []
        return fingerprint_of(compose("train", [f"scene={scene}", f"cache={tmp_path}", "model=smp", *weights]))

    assert of("a.pth") == of("same.pth")
    assert len({of("a.pth"), of("other.pth"), of("")}) == 3
