"""ONNX files: written with what they say of themselves, and verified before anything in them is used."""

from __future__ import annotations

import hashlib
import importlib
import json
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch.export import ExportedProgram

import lulcseg
from lulcseg.errors import LulcsegError
from lulcseg.export.deepness import deepness_metadata
from lulcseg.export.exported_model import REMEDY, ExportedModel
from lulcseg.files import replacing

INPUT, OUTPUT = "image", "probabilities"
"""Names of the graph's only input and output."""

OPSET = 18
"""Version of ONNX's operators, which ONNX Runtime reads since 1.14 (2023): QGIS installations are often older."""

_DESCRIPTION, _DIGEST = "lulcseg", "lulcseg_sha256"
_STANDARD = {"", "ai.onnx"}


def needed(name: str) -> Any:
    """Import a package of the extra ``export``.

    Raises:
        LulcsegError: It is missing.
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise LulcsegError(f"the package {name} is missing", remedy="pip install 'lulcseg[export]'") from error


def write_onnx(program: ExportedProgram, model: ExportedModel, path: Path) -> None:
    """Write a graph with its description and Deepness's metadata.

    Args:
        program: Traced, with an open batch size.
        model: The description.
        path: The file to write.

    Raises:
        LulcsegError: A package is missing, the network has an operation that ONNX doesn't, the file would take 2 GB,
            or it can't be written.
    """
    needed("onnxscript")
    needed("onnx")
    try:
        with _quietly():
            made = torch.onnx.export(program, dynamo=True, opset_version=OPSET, verbose=False)
            assert made is not None
            proto = made.model_proto
    except Exception as error:  # torch raises what its translators raise
        raise LulcsegError(
            f"the network can't be written as ONNX ({_first_line(error)})",
            where="--to onnx",
            remedy="export it with --to torch, or train another architecture",
        ) from error
    _name_ends(proto.graph)
    proto.producer_name, proto.producer_version = "lulcseg", lulcseg.__version__
    described = json.dumps(model.to_plain(), ensure_ascii=False)
    entries = {**deepness_metadata(model), _DESCRIPTION: described}
    try:
        entries[_DIGEST] = _digest(proto, described)
        for key, value in entries.items():
            proto.metadata_props.add(key=key, value=value)
        content = proto.SerializeToString()
    except Exception as error:  # protobuf's own, for messages of 2 GB
        raise LulcsegError(
            f"the network is too large for one ONNX file ({_first_line(error)})",
            where="--to onnx",
            remedy="export it with --to torch",
        ) from error
    with replacing(path) as part:
        part.write_bytes(content)


def read_onnx(path: Path) -> tuple[Any, ExportedModel]:
    """Open a file that :func:`write_onnx` wrote; no code runs from it, and nothing beside it is read.

    Args:
        path: The file.

    Returns:
        The session of ONNX Runtime, and the description.

    Raises:
        LulcsegError: A package is missing, or the file is not there, damaged, not an ONNX file, or not of lulcseg.
    """
    onnx = needed("onnx")
    needed("onnxruntime")
    try:
        content = path.read_bytes()
    except OSError as error:
        raise LulcsegError(f"it can't be read ({error.strerror})", where=path, remedy="check the path") from error
    try:
        proto = onnx.load_model_from_string(content)
        found = {entry.key: entry.value for entry in proto.metadata_props}
    except Exception as error:  # protobuf's errors have no common base
        raise LulcsegError("not an ONNX file, or damaged", where=path, remedy=REMEDY) from error
    if _DESCRIPTION not in found or not proto.graph.node:
        what = "an ONNX file that lulcseg didn't export: it doesn't say what its classes and values are"
        raise LulcsegError(what, where=path, remedy="map with a file of lulcseg export, or use its own program")
    described = found[_DESCRIPTION]
    if found.get(_DIGEST) != _digest(proto, described):
        raise LulcsegError(
            "damaged, or changed since its export: it doesn't fit its checksum", where=path, remedy=REMEDY
        )
    if {entry.domain for entry in proto.opset_import} - _STANDARD or any(
        each.data_location == onnx.TensorProto.EXTERNAL for each in _tensors(proto.graph)
    ):
        raise LulcsegError("it needs operators or files beside it", where=path, remedy=REMEDY)
    try:
        plain = json.loads(described)
    except ValueError as error:
        raise LulcsegError("its description can't be read", where=path, remedy=REMEDY) from error
    model = ExportedModel.from_plain(plain if isinstance(plain, dict) else {}, path)
    session = open_session(content, path)
    _check_ends(session, model, path)
    return session, model


def open_session(content: bytes, path: Path) -> Any:
    """Return ONNX Runtime's session of a file's content, with as many threads as PyTorch has.

    Raises:
        LulcsegError: ONNX Runtime can't use it.
    """
    runtime = needed("onnxruntime")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.log_severity_level = 3  # errors
    wanted = ("CUDAExecutionProvider", "CPUExecutionProvider")
    try:
        available = [name for name in wanted if name in runtime.get_available_providers()]
        return runtime.InferenceSession(content, options, providers=available)
    except Exception as error:  # ONNX Runtime's errors are many
        raise LulcsegError(f"ONNX Runtime can't use it ({_first_line(error)})", where=path, remedy=REMEDY) from error


def _name_ends(graph: Any) -> None:
    """Name input, output and the open batch size."""
    ends = {graph.input[0].name: INPUT, graph.output[0].name: OUTPUT}
    for end in (graph.input[0], graph.output[0]):
        end.name = ends[end.name]
        end.type.tensor_type.shape.dim[0].dim_param = "batch"
    for node in graph.node:
        for names in (node.input, node.output):
            for number, name in enumerate(names):
                names[number] = ends.get(name, name)
    del graph.value_info[:]  # shapes of what is between, by the batch's former name


def _tensors(graph: Any) -> Iterator[Any]:
    """Yield all tensors of a graph, those of its nodes and of graphs inside it too."""
    yield from graph.initializer
    for attribute in (each for node in graph.node for each in node.attribute):
        yield from (attribute.t, *attribute.tensors)
        for inner in (*([attribute.g] if attribute.HasField("g") else []), *attribute.graphs):
            yield from _tensors(inner)


def _digest(proto: Any, described: str) -> str:
    """Return the SHA-256 of graph and description."""
    graph = proto.graph.SerializeToString(deterministic=True)
    return hashlib.sha256(graph + described.encode()).hexdigest()


def _check_ends(session: Any, model: ExportedModel, path: Path) -> None:
    """Check that a graph's input and output are those of its description.

    Raises:
        LulcsegError: They are not.
    """
    record, size = model.record, [model.patch_size] * 2
    ends = [[end.name, *end.shape[1:]] for end in (*session.get_inputs(), *session.get_outputs())]
    if ends != [[INPUT, record.bands, *size], [OUTPUT, len(record.legend), *size]]:
        raise LulcsegError("its graph doesn't fit its description", where=path, remedy=REMEDY)


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200].rstrip(".")


@contextmanager
def _quietly() -> Iterator[None]:
    """Keep PyTorch's remarks on the translation off the terminal."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
