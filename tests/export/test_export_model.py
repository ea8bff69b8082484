"""``lulcseg export``: the files of a model, together or not at all."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from lulcseg.cli import main
from lulcseg.errors import LulcsegError
from lulcseg.export import export_model as module
from lulcseg.export.export_model import check_request_for, export_model
from lulcseg.export.export_source import export_source
from lulcseg.export.onnx_file import read_onnx
from lulcseg.export.probe_check import check_agreement, probes
from lulcseg.scene.scene import Scene
from lulcseg.settings.export import FORMATS, ExportSettings
from lulcseg.settings.scaling import ScalingSettings
from tests.support.exports import STATISTICS, TOLERANCE, checkpoint_for, expected, raw, trained

Make = Callable[..., Path]
BY_MOSAIC = {"scaling": ScalingSettings(method="min_max", over="mosaic"), "statistics": STATISTICS}
BY_BATCH = {"scaling": ScalingSettings(method="min_max"), "statistics": STATISTICS}


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    with pytest.raises(SystemExit) as ended:
        main(["export", *arguments])
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1, said
    return said


def test_all_files_of_a_model(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each is there, is said to agree, and does: the .pt2 file gives the predictor's probabilities too."""
    model = trained(tmp_path)
    out = tmp_path / "new" / "model"
    main(["export", str(model.checkpoint), "--out", str(out), "--licence", "cc-by-4.0"])
    said = capsys.readouterr().out
    assert sorted(path.name for path in out.iterdir()) == ["README.md", "model.json", "model.onnx", "model.pt2"]
    assert [path.name for path in out.parent.iterdir()] == ["model"], "nothing is left beside it"
    assert said.count("agree with the checkpoint's within") == 2
    loaded = torch.export.load(out / "model.pt2").module()
    predictor = model.predictor(torch.device("cpu"))
    for image, valid in probes(model.record, 32):
        with torch.inference_mode():
            found = loaded(torch.from_numpy(raw(image, valid))).numpy()
        assert np.abs(found - expected(predictor, image, valid)).max() < TOLERANCE
    assert "license: cc-by-4.0" in (out / "README.md").read_text(encoding="utf-8")
    assert "holds model.onnx already" in refused(capsys, str(model.checkpoint), "--out", str(out), "--to", "onnx")


def test_a_folder_that_holds_other_things_is_left_alone(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    check_request_for(FORMATS, out)
    (out / "thesis.docx").touch()
    with pytest.raises(LulcsegError, match=r"the folder holds other things \(thesis.docx\); give a new or an empty"):
        check_request_for(FORMATS, out)
    with pytest.raises(LulcsegError, match="it is a file"):
        check_request_for(FORMATS, out / "thesis.docx")


def test_an_item_needs_a_file_to_describe(tmp_path: Path) -> None:
    with pytest.raises(LulcsegError, match="describes a model's file, and none is exported; add onnx or torch"):
        check_request_for(["mlm", "card"], tmp_path / "out")


def test_a_missing_package_is_named_before_anything_is_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    said = refused(capsys, "missing.ckpt", "--out", str(tmp_path / "out"))
    assert said == "lulcseg: the package onnxruntime is missing; pip install 'lulcseg[export]'.\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--to", "onxx"], "there is no format 'onxx'; did you mean 'onnx'?"),
        (["--to", ","], "to names no format"),
        (["--patch-size", "8"], "patch_size"),
        (["--nodata", "none"], "nodata"),
        (["--adapt", "batchnorm"], "adapt"),
    ],
)
def test_settings_that_make_no_sense(
    arguments: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert said in refused(capsys, "missing.ckpt", "--out", str(tmp_path / "out"), *arguments)


@pytest.mark.parametrize(("content", "said"), [(b"no checkpoint", "damaged"), (None, "no such checkpoint")])
def test_a_checkpoint_that_is_none(
    content: bytes | None, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "best.ckpt"
    if content is not None:
        path.write_bytes(content)
    assert said in refused(capsys, str(path), "--out", str(tmp_path / "out"))
    torch.save({"state_dict": {}}, path)
    assert "not one of lulcseg" in refused(capsys, str(path), "--out", str(tmp_path / "out"))
    assert not (tmp_path / "out").exists()


def test_a_file_that_disagrees_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = export_source(trained(tmp_path), ExportSettings())
    traced = module.trace

    def with_another_bias(network: Any, *sizes: int) -> Any:
        with torch.no_grad():
            network.network.head.bias[0] += 1e-3
        return traced(network, *sizes)

    monkeypatch.setattr(module, "trace", with_another_bias)
    with pytest.raises(LulcsegError, match=r"^model.pt2: its probabilities differ from the checkpoint's by up to"):
        export_model(source, ["torch"], tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["best.ckpt"]


def test_not_a_number_is_no_agreement(tmp_path: Path) -> None:
    source = export_source(trained(tmp_path), ExportSettings())

    def no_number(image: np.ndarray) -> np.ndarray:
        return np.full((len(image), 9, 32, 32), np.nan, "float32")

    with pytest.raises(LulcsegError, match="by up to inf"):
        check_agreement(no_number, source.predictor, 32, nodata=None, tolerance=1, name="model.onnx")


@pytest.mark.parametrize(
    ("changes", "settings", "said"),
    [
        (BY_MOSAIC, {}, r"it scales values by the mosaic that is mapped.*--scene\)\.$"),
        (BY_BATCH, {}, r"--scene\), or export it with --at-prediction training or patch\.$"),
        ({}, {"adapt": "histogram"}, r"adapts the model to one mosaic, and no scene is named; name the scene"),
    ],
)
def test_what_depends_on_the_mosaic_is_refused(
    changes: dict[str, Any], settings: dict[str, Any], said: str, tmp_path: Path
) -> None:
    with pytest.raises(LulcsegError, match=said):
        export_source(trained(tmp_path, **changes), ExportSettings(**settings))


def test_a_scene_that_changes_nothing_is_refused(make_scene: Make, cache: Path, tmp_path: Path) -> None:
    scene = Scene.open(str(make_scene("farm")), cache)
    with pytest.raises(LulcsegError, match="nothing of scene farm would be fixed"):
        export_source(trained(tmp_path), ExportSettings(), scene)
    model = trained(tmp_path, scenes=["farm"])
    with pytest.raises(LulcsegError, match="was trained on scene farm, to which it isn't adapted"):
        export_source(model, ExportSettings(adapt="histogram"), scene)


def test_imagery_of_other_bands_is_refused(
    make_scene: Make, cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scene = make_scene("farm")
    model = trained(tmp_path, bands=4, **BY_BATCH | {"statistics": None})
    said = refused(
        capsys, str(model.checkpoint), "--out", str(tmp_path / "out"), "--scene", str(scene), "--cache", str(cache)
    )
    assert "its imagery has 3 bands, the model was trained on 4" in said


def test_a_scene_that_is_not_needed_is_not_made(
    tmp_path: Path, cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "made.yaml").write_text("synthetic: {size: 128}\n")
    model = trained(tmp_path)
    words = [str(model.checkpoint), "--out", str(tmp_path / "out"), "--scene", str(tmp_path / "made.yaml")]
    with pytest.raises(SystemExit):
        main(["export", *words, "--cache", str(cache)])
    assert "nothing of scene " in capsys.readouterr().err
    assert not cache.exists()
    with pytest.raises(SystemExit):
        main(["export", str(model.checkpoint), "--out", str(tmp_path / "model.onnx")])
    assert "'model.onnx' is the name of a file, and --out names a folder" in capsys.readouterr().err


def test_a_model_for_one_mosaic(make_scene: Make, cache: Path, tmp_path: Path) -> None:
    """Scaling by the mosaic, the match of values and batch norm's statistics are those of the scene."""
    scene = Scene.open(str(make_scene("farm", size=(160, 160))), cache)
    scaling = ScalingSettings(method="percentile", over="mosaic")
    path = checkpoint_for(scene, tmp_path / "model.ckpt", scaling=scaling)
    plain = trained(tmp_path, **BY_MOSAIC)
    model = type(plain)(type(plain.task).load_from_checkpoint(path), path, "32-true", plain.devices)
    source = export_source(model, ExportSettings(adapt="both"), scene)
    assert (source.exported.scene, source.exported.adapted) == ("farm", "histogram_batch_norm")
    assert source.predictor.mosaic is not None
    assert source.predictor.matching is not None
    (written,) = export_model(source, ["onnx"], tmp_path / "out")
    session, described = read_onnx(written)
    assert described.scene == "farm"
    image, valid = next(iter(probes(model.record, 32)))
    (found,) = session.run(None, {"image": raw(image, valid)})
    assert np.abs(found - expected(source.predictor, image, valid)).max() < TOLERANCE
