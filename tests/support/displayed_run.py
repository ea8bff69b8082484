"""A run's folder with everything that a logger displays, and its display."""

from __future__ import annotations

import json
from pathlib import Path

from PIL import Image

from lulcseg.assessment.assessment import Assessment
from lulcseg.legend import LandClass, Legend
from lulcseg.loggers.display import Display
from lulcseg.loggers.run_contents import show_assessment, show_map, show_model, show_outcome, show_plan, show_sheets
from lulcseg.run_folder.folder import RunFolder
from lulcseg.run_folder.record import RunRecord
from tests.support.runs import write_run

LEGEND = Legend(
    (
        LandClass(10, "Bare <b>", "#c8a165"),
        LandClass(20, "Trees", "#2d6a31"),
        LandClass(30, "Water", "#2e86c1"),
        LandClass(40, "Other", "#888888"),
    )
)
CONFIG = {
    "name": "patch96",
    "seed": 3,
    "trial": {"name": "patch size", "value": "patch96", "level": 96},
    "sampling": {"method": "stratified", "patch_size": 96},
    "augment": {"name": "light"},
    "scaling": {"method": "none"},
    "logger": {"name": "wandb", "project": "farms", "offline": True},
}
MAP, STEM = "maps/synthetic2018_single.tif", "synthetic2018_single"


def write_displayed_run(folder: Path) -> Path:
    """Write a run's folder with a checkpoint."""
    run = write_run(folder, LEGEND, size=(120, 160), n_points=200)
    (run / "checkpoints").mkdir()
    (run / "checkpoints" / "best.ckpt").write_bytes(b"weights")
    (run / "config.yaml").write_text(json.dumps(CONFIG))
    Image.new("RGB", (40, 30), "#336699").save(run / "plan.png")
    record = json.loads((run / "record.json").read_text())
    for entry in record["maps"]:
        entry["areas"] = [{"name": c.name, "hectares": 1.5} for c in LEGEND]
    (run / "record.json").write_text(json.dumps(record))
    return run


def display_all(display: Display, run: Path) -> None:
    """Display everything that a run displays."""
    folder = RunFolder(run)
    record = RunRecord.load(folder)
    show_plan(display, folder, record)
    show_sheets(display, {"versions": Image.new("RGB", (20, 10))})
    if display.curves is not None:
        for epoch, kappa in enumerate((0.2, 0.6, 0.4)):
            values = {"train/loss_step": 2.0 - epoch, "val/kappa": kappa, "epoch": epoch}
            display.curves.log_metrics(values, step=10 * epoch + 9)
    entry = next(m for m in record.maps or () if m.path == MAP)
    show_map(display, folder, entry, record.scenes["synthetic2018"])
    show_assessment(display, STEM, Assessment.load(run / "assessment" / STEM))
    show_outcome(display, record)
    show_model(display, "patch_size-patch96-seed3", 3, folder, folder.best)
