"""``lulcseg export``: a trained model for other programs."""

from __future__ import annotations

import argparse
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lulcseg.commands.parsers import Commands, add_command, as_path
from lulcseg.settings.export import ExportSettings

if TYPE_CHECKING:
    from lulcseg.mosaic.trained_model import TrainedModel


def add(commands: Commands) -> None:
    """Add the command."""
    parser = add_command(
        commands,
        "export",
        _run,
        help="write a model for other programs: ONNX, torch.export, STAC item, model card",
        description="Write a trained model for other programs: raw pixel values in, class probabilities out, each file "
        "checked against the checkpoint. lulcseg predict checkpoint=model.onnx maps with it.",
    )
    parser.add_argument("checkpoint", type=as_path, metavar="CHECKPOINT", help="<run>/checkpoints/best.ckpt")
    defaults = ExportSettings()
    for f in fields(ExportSettings):
        flag, about = f"--{f.name.replace('_', '-')}", f.metadata["about"].replace("%", "%%")
        default = getattr(defaults, f.name)
        if isinstance(default, bool):
            parser.add_argument(flag, action="store_true", help=about)
            continue
        shown = ",".join(default) if isinstance(default, list) else default
        known = "" if shown is None else f" (default: {shown})"
        parser.add_argument(flag, metavar=f.name.upper(), required=f.name == "out", help=about + known)


def _run(arguments: argparse.Namespace) -> None:
    from lulcseg.files import target_of

    settings = _settings(arguments)
    out = target_of(str(settings.out), "--out").resolve()
    from lulcseg.export.export_model import check_request_for, export_model
    from lulcseg.export.export_source import check_needs_scene, export_source

    check_request_for(settings.to, out)
    model = _model(arguments.checkpoint, settings)
    scene = None
    if settings.scene is not None:
        check_needs_scene(model, settings, settings.scene)
        from lulcseg.run.open_scenes import cache_folder, check_imagery, of_model, open_scenes

        (scene,) = open_scenes([settings.scene], cache_folder(settings.cache))
        scene = of_model(scene, model.record)
        check_imagery(model.record, scene)
    for path in export_model(export_source(model, settings, scene), settings.to, out):
        print(f"Written: {path}")


def _settings(arguments: argparse.Namespace) -> ExportSettings:
    """Return the settings of the command line, checked.

    Raises:
        LulcsegError: A value is not usable.
    """
    from lulcseg.settings.from_plain import fill

    plain: dict[str, Any] = {
        f.name: value for f in fields(ExportSettings) if (value := getattr(arguments, f.name)) is not None
    }
    if "to" in plain:
        plain["to"] = [name.strip() for name in plain["to"].split(",") if name.strip()]
    return fill(ExportSettings, plain, "export")


def _model(checkpoint: Path, settings: ExportSettings) -> TrainedModel:
    """Load the model, as files are checked: on the CPU, in float32."""
    from lulcseg.mosaic.devices import Devices
    from lulcseg.mosaic.trained_model import TrainedModel
    from lulcseg.training.calibration import find_calibration
    from lulcseg.training.task import SegmentationTask

    task = SegmentationTask.load_from_checkpoint(
        checkpoint, at_prediction=settings.at_prediction, trust_target=settings.trust_target
    )
    calibration = find_calibration(checkpoint, settings.calibration, task.record.to_legend().names)
    return TrainedModel(task, checkpoint.resolve(), "32-true", Devices("cpu"), calibration)
