"""An ONNX file: what it computes, what it says of itself, and what is refused."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from lulcseg.errors import LulcsegError
from lulcseg.export import onnx_file
from lulcseg.export.export_source import ExportSource, export_source
from lulcseg.export.onnx_file import needed, read_onnx, write_onnx
from lulcseg.export.portable_network import PortableNetwork
from lulcseg.export.probe_check import probes
from lulcseg.export.torch_program import trace
from lulcseg.models.pretrained import PretrainedWeights
from lulcseg.settings.export import ExportSettings
from lulcseg.settings.model import ModelSettings
from lulcseg.settings.scaling import ScalingSettings
from lulcseg.training.calibration import Calibration
from tests.support.encoders import smp
from tests.support.exports import TOLERANCE, expected, raw, trained

EVERYTHING: dict[str, Any] = {
    "model": ModelSettings(filters=4, depth=2, norm="instance_batch", dropout=0.3),
    "scaling": ScalingSettings(method="percentile", over="patch", per_band=True),
    "weights": PretrainedWeights("a file", "MIT", [0.4, 0.5, 0.3], [0.2, 0.25, 0.3]),
    "resolution": [0.25, 0.25],
}


@dataclass(frozen=True)
class Written:
    path: Path
    source: ExportSource
    session: Any


def written(folder: Path, patch_size: int = 30, calibration: Calibration | None = None, **changes: Any) -> Written:
    folder.mkdir(exist_ok=True)
    settings = ExportSettings(patch_size=patch_size, nodata=0)
    source = export_source(trained(folder, calibration, **changes), settings)
    network = PortableNetwork(source.predictor, calibration=calibration, nodata=0)
    program = trace(network, source.exported.record.bands, patch_size)
    write_onnx(program, source.exported, folder / "model.onnx")
    return Written(folder / "model.onnx", source, read_onnx(folder / "model.onnx")[0])


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory) -> Written:
    """A file with scaling by the patch, normalisation, calibration, dropout and a nodata value."""
    return written(tmp_path_factory.mktemp("onnx"), calibration=Calibration.of_temperature(1.7, 9), **EVERYTHING)


def run(session: Any, image: np.ndarray) -> np.ndarray:
    (shares,) = session.run(None, {"image": image})
    return shares


def test_probabilities_are_the_predictors_for_batches_of_any_size(everything: Written) -> None:
    image, valid = next(iter(probes(everything.source.exported.record, 30)))
    wanted = expected(everything.source.predictor, image, valid)
    for size in (1, 2, 3):
        found = run(everything.session, raw(image[:size], valid[:size]))
        assert np.abs(found - wanted[:size]).max() < TOLERANCE
    assert np.allclose(found.sum(axis=1), 1, atol=1e-5)
    assert np.ptp(wanted, axis=(0, 2, 3)).max() > 0.1


def test_an_encoder_of_a_library_and_a_patch_that_it_has_to_pad(tmp_path: Path) -> None:
    made = written(tmp_path, 50, model=smp("resnet18"), dtype="uint16", bands=4)
    for image, valid in probes(made.source.exported.record, 50):
        wanted = expected(made.source.predictor, image, valid)
        assert np.abs(run(made.session, raw(image, valid)) - wanted).max() < TOLERANCE


def test_it_opens_as_it_is_in_a_plain_session(everything: Written) -> None:
    session = onnxruntime.InferenceSession(everything.path)
    (image,), (shares,) = session.get_inputs(), session.get_outputs()
    assert (image.name, image.shape, image.type) == ("image", ["batch", 3, 30, 30], "tensor(float)")
    assert (shares.name, shares.shape) == ("probabilities", ["batch", 9, 30, 30])
    onnx.checker.check_model(onnx.load(everything.path), full_check=True)


def test_deepness_reads_its_metadata(everything: Written) -> None:
    """As Deepness 0.6.5 does: every value is JSON, classes are counted from 0, a size is read from the input."""
    session = onnxruntime.InferenceSession(everything.path)
    found = session.get_modelmeta().custom_metadata_map
    values = {key: json.loads(found[key]) for key in found if not key.startswith("lulcseg")}
    assert values["model_type"].capitalize() == "Segmentor"
    names = sorted(values["class_names"].items(), key=lambda pair: int(pair[0]))
    assert [int(key) for key, _ in names] == list(range(9))
    assert [name for _, name in names] == everything.source.exported.record.to_legend().names
    assert float(values["resolution"]) == 25.0
    assert int(values["tile_size"]) == int(values["tiles_size"]) == session.get_inputs()[0].shape[-1] == 30
    assert 0 <= int(values["tiles_overlap"]) < 100
    assert values["seg_thresh"] == 0, "every pixel gets its most probable class"
    assert len(session.get_inputs()) == 1


def as_deepness_prepares(session: Any, tiles: np.ndarray) -> np.ndarray:
    """Return tiles (N, H, W, C) as Deepness gives them to a model."""
    found = session.get_modelmeta().custom_metadata_map
    mean, deviation = (np.array(json.loads(found[f"standardization_{key}"]), np.float32) for key in ("mean", "std"))
    in_unit = np.float32(tiles * 1.0 / 255.0)
    return np.moveaxis((in_unit - mean) / deviation, 3, 1)


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_deepness_maps_what_the_predictor_maps(everything: Written, dtype: str, tmp_path: Path) -> None:
    made = everything if dtype == "uint8" else written(tmp_path, dtype=dtype)
    image, valid = next(iter(probes(made.source.exported.record, 30)))
    image[:, :, :4] = 0  # beyond the imagery QGIS gives nodata, here 0
    valid = np.ones_like(valid)
    valid[:, :4] = False
    prepared = as_deepness_prepares(made.session, np.moveaxis(image, 1, 3))
    assert prepared.dtype == np.float32
    found, wanted = run(made.session, prepared), expected(made.source.predictor, image, valid)
    assert np.abs(found - wanted).max() < TOLERANCE
    ordered = np.sort(wanted, axis=1)
    clear = ordered[:, -1] - ordered[:, -2] > 2 * TOLERANCE
    assert (found.argmax(axis=1) == wanted.argmax(axis=1))[clear].all()


def test_the_description_comes_back(everything: Written) -> None:
    _, found = read_onnx(everything.path)
    assert found == everything.source.exported


def spoilt(source: Path, to: Path, change: Any) -> Path:
    proto = onnx.load(source)
    change(proto)
    onnx.save(proto, to)
    return to


def weights_changed(proto: Any) -> None:
    longest = max(proto.graph.initializer, key=lambda each: len(each.raw_data))
    data = bytearray(longest.raw_data)
    data[40] ^= 1
    longest.raw_data = bytes(data)


def description_changed(proto: Any) -> None:
    entry = next(each for each in proto.metadata_props if each.key == "lulcseg")
    entry.value = entry.value.replace("uint8", "int16")


def of_another(proto: Any) -> None:
    del proto.metadata_props[:]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (weights_changed, "damaged, or changed since its export"),
        (description_changed, "damaged, or changed since its export"),
        (of_another, "an ONNX file that lulcseg didn't export"),
    ],
)
def test_a_changed_or_foreign_file_is_refused(everything: Written, tmp_path: Path, change: Any, said: str) -> None:
    with pytest.raises(LulcsegError, match=said):
        read_onnx(spoilt(everything.path, tmp_path / "model.onnx", change))


def weights_elsewhere(proto: Any) -> None:
    proto.graph.initializer[0].ClearField("raw_data")
    proto.graph.initializer[0].data_location = onnx.TensorProto.EXTERNAL
    proto.graph.initializer[0].external_data.add(key="location", value="/etc/passwd")


def a_constant_elsewhere(proto: Any) -> None:
    value = onnx.TensorProto(dims=[1], data_type=onnx.TensorProto.FLOAT, data_location=onnx.TensorProto.EXTERNAL)
    value.external_data.add(key="location", value="/etc/passwd")
    proto.graph.node.add(op_type="Constant", output=["other"]).attribute.append(
        onnx.helper.make_attribute("value", value)
    )


def operators_of_others(proto: Any) -> None:
    proto.opset_import.add(domain="com.example", version=1)


@pytest.mark.parametrize("change", [weights_elsewhere, a_constant_elsewhere, operators_of_others])
def test_nothing_beside_the_file_is_read(everything: Written, tmp_path: Path, change: Any) -> None:
    proto = onnx.load(everything.path)
    change(proto)
    found = {entry.key: entry for entry in proto.metadata_props}
    found["lulcseg_sha256"].value = onnx_file._digest(proto, found["lulcseg"].value)
    (tmp_path / "model.onnx").write_bytes(proto.SerializeToString())
    with pytest.raises(LulcsegError, match="it needs operators or files beside it"):
        read_onnx(tmp_path / "model.onnx")


@pytest.mark.parametrize("content", [b"", b"no model", b"\x08\x0a"])
def test_what_is_no_onnx_file_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(content)
    with pytest.raises(LulcsegError, match=r"not an ONNX file|didn't export"):
        read_onnx(path)
    with pytest.raises(LulcsegError, match="can't be read"):
        read_onnx(tmp_path / "missing.onnx")


def test_half_a_file_is_refused(everything: Written, tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(everything.path.read_bytes()[: everything.path.stat().st_size // 2])
    with pytest.raises(LulcsegError, match=r"not an ONNX file|didn't export|damaged"):
        read_onnx(path)


def test_a_missing_package_is_named_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "onnxruntime", None)
    with pytest.raises(LulcsegError, match=r"the package onnxruntime is missing; pip install 'lulcseg\[export\]'"):
        needed("onnxruntime")


@pytest.mark.parametrize("norm", ["batch", "group", "instance"])
def test_every_norm_is_traced(tmp_path: Path, norm: str) -> None:
    model = trained(tmp_path, model=ModelSettings(filters=4, depth=2, norm=norm))
    source = export_source(model, ExportSettings())
    traced = trace(PortableNetwork(source.predictor), 3, 32).module()
    image, valid = next(iter(probes(model.record, 32)))
    with torch.inference_mode():
        found = traced(torch.from_numpy(raw(image, valid))).numpy()
    assert np.abs(found - expected(source.predictor, image, valid)).max() < TOLERANCE
