"""What the study's arms cost: training steps and passes of a map, in turn in one process, on one thread.

python benchmarks/study_arms.py [--study mini] [--rounds 5] [--seconds 1.0] [--groups augmentation patch …]
    [--out study_arms]

An arm is an experiment composed with the study's sizes. A round times every arm for a short while, one after the other,
so that other load on the machine meets all alike, and counts processor time. A training step is all that one does with
a batch that lies in memory: scaling and augmentation, the network forward and backward, the loss, the optimiser. A set
of passes maps a mosaic of noise, files included. The ratio is that of times for as many pixels, to the group's first
arm in the same round: the median of the rounds, with the least and the greatest. Patches are noise: no arm's time
depends on what is in them.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import platform
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import median
from typing import Any

from mosaic import untrained, write_image

STEPS = {
    "augmentation": ("augment_off", "augment_on", "augment_transfer", "scaling_on", "full_training"),
    "patch": ("patch512_stratified", "patch128_stratified", "patch256_stratified", "patch1024_stratified"),
    "batch": ("batch280", "batch10", "batch50", "batch100"),
    "loss": ("patch512_stratified", "stratified_inverse", "stratified_focal", "stratified_dice_ce"),
    "encoder": ("patch512_stratified", "encoder_random"),
}
"""Experiments by group, what the others are compared with first."""
MAPS = "passes"
PASSES = ("single", "grids", "crop", "rotations", "cheap", "multiple")
SIDE = 512
"""Side of the mosaic that is mapped, in pixels."""

type Work = Callable[[], int]
"""Does a piece of an arm's work and returns the pixels that it went through."""


def main() -> None:
    """Time all arms in turn, and print and save what they took."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--study", default="mini", help="sizes: a name under conf/study/")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.0, help="of an arm in a round, at least one piece of work")
    parser.add_argument("--groups", nargs="+", choices=[*STEPS, MAPS], default=[*STEPS, MAPS])
    parser.add_argument("--out", type=Path, default=Path("study_arms"), help="for study_arms.json, .md and .png")
    asked = parser.parse_args()
    import torch

    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory(prefix="study_arms") as folder:
        groups = {name: prepared(name, asked.study, Path(folder)) for name in asked.groups}
        found = timed(groups, asked.rounds, asked.seconds)
    rows = compared(found)
    asked.out.mkdir(parents=True, exist_ok=True)
    content = {
        "study": asked.study, "rounds": asked.rounds, "seconds": asked.seconds, "processor": platform.processor(),
        "cores": os.cpu_count(), "torch": torch.__version__, "rows": rows,
    }  # fmt: skip
    (asked.out / "study_arms.json").write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    table = as_table(rows)
    (asked.out / "study_arms.md").write_text(table, encoding="utf-8")
    draw(rows, asked.out / "study_arms.png")
    print(table)


def prepared(group: str, study: str, folder: Path) -> dict[str, Work]:
    """Return the work of each arm of a group."""
    if group == MAPS:
        return {name: mapped(name, study, folder) for name in PASSES}
    return {name: training_step(name, study) for name in STEPS[group]}


def training_step(experiment: str, study: str) -> Work:
    """Return a training step of an experiment, of noise in its batch and patch size."""
    import torch

    from lulcseg.launch.compose import compose
    from lulcseg.legend import PAPER_LEGEND
    from lulcseg.training.augmenting import margin_of
    from lulcseg.training.model_record import ModelRecord
    from lulcseg.training.optimizers import build_optimizer
    from lulcseg.training.precision import resolve_precision
    from lulcseg.training.task import SegmentationTask
    from lulcseg.training.training_settings import TrainingSettings

    config = compose("train", [f"study={study}", f"+experiment={experiment}"])
    settings = TrainingSettings.of(config)
    record = ModelRecord(
        legend=PAPER_LEGEND.to_plain(), bands=3, dtype="uint8", resolution=[0.5, 0.5],
        patch_size=config.sampling.patch_size, model=config.model, scaling=config.scaling,
    )  # fmt: skip
    torch.manual_seed(0)
    weights = [1.0] * len(record.legend) if settings.loss.weighs_classes else None
    task = SegmentationTask(record, settings, class_weights=weights).train()
    optimizer = build_optimizer(task.network, config.optim, 10_000)["optimizer"]
    half = torch.autocast("cpu", torch.bfloat16, enabled=resolve_precision("auto", "cpu") == "bf16-mixed")
    count, side = config.trainer.batch_size, config.sampling.patch_size + 2 * margin_of(config.augment, record)
    batch = {
        "image": torch.randint(0, 256, (count, 3, side, side), dtype=torch.uint8),
        "mask": torch.randint(0, len(record.legend), (count, side, side), dtype=torch.uint8),
        "valid": torch.ones(count, side, side, dtype=torch.bool),
        "scene": torch.zeros(count, dtype=torch.int64),
    }
    numbers = itertools.count()

    def step() -> int:
        image, mask = task.prepared(batch, next(numbers))
        with half:
            total, pixels = task.loss(task.network(image.contiguous(memory_format=task.layout)), mask)
        (total / pixels).backward()
        optimizer.step()
        optimizer.zero_grad()
        return count * config.sampling.patch_size**2

    return step


def mapped(name: str, study: str, folder: Path) -> Work:
    """Return the mapping of a mosaic of noise by a set of passes."""
    from lulcseg.launch.compose import compose
    from lulcseg.mosaic.mapping import map_scene
    from lulcseg.scene.scene import Scene
    from lulcseg.settings.mosaic import MosaicSettings

    config = compose("train", [f"study={study}"])
    image = folder / "image.tif"
    if not image.exists():
        write_image(image, SIDE)
    scene = folder / "scene.yaml"
    scene.write_text(f"name: mosaic\nimagery: {{files: [{image.name}]}}\n", encoding="utf-8")
    network = {"filters": config.model.filters, "depth": config.model.depth}
    model = untrained(folder / f"{name}.ckpt", network, config.sampling.patch_size)
    opened = Scene.open(str(scene), folder / "cache")

    def work() -> int:
        out = Path(tempfile.mkdtemp(dir=folder)) / "map.tif"
        map_scene(model, opened, MosaicSettings(name=name), out, label=name)
        return SIDE**2

    return work


def timed(groups: Mapping[str, Mapping[str, Work]], rounds: int, seconds: float) -> dict[str, dict[str, list[float]]]:
    """Return each arm's processor time of a megapixel, by round; every arm is tried once before."""
    arms = [(group, name, work) for group, works in groups.items() for name, work in works.items()]
    found: dict[str, dict[str, list[float]]] = {group: {name: [] for name in works} for group, works in groups.items()}
    for number in range(rounds + 1):
        for group, name, work in arms:
            pixels, begun = 0, time.process_time()
            while not pixels or time.process_time() - begun < seconds * (number > 0):
                pixels += work()
            if number:
                found[group][name].append((time.process_time() - begun) / pixels * 1e6)
        print(f"round {number} of {rounds}" if number else "every arm tried once", flush=True)
    return found


def compared(found: Mapping[str, Mapping[str, list[float]]]) -> list[dict[str, Any]]:
    """Return a row for each arm: its seconds a megapixel, and the ratio to its group's first arm, round by round."""
    rows = []
    for group, arms in found.items():
        first = next(iter(arms.values()))
        for name, seconds in arms.items():
            ratios = [own / base for own, base in zip(seconds, first, strict=True)]
            rows.append({
                "group": group, "arm": name, "seconds": median(seconds), "ratio": median(ratios),
                "least": min(ratios), "greatest": max(ratios),
            })  # fmt: skip
    return rows


def as_table(rows: list[dict[str, Any]]) -> str:
    """Return the rows as a Markdown table."""
    lines = ["| group | arm | s a megapixel | times the first | least to greatest |", "|---|---|---|---|---|"]
    for row in rows:
        spread = f"{row['least']:.2f} to {row['greatest']:.2f}"
        lines.append(f"| {row['group']} | {row['arm']} | {row['seconds']:.2f} | {row['ratio']:.2f} | {spread} |")
    return "\n".join(lines) + "\n"


def draw(rows: list[dict[str, Any]], path: Path) -> None:
    """Draw each arm's ratio, with the least and the greatest of the rounds, a panel a group."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    from lulcseg.pictures.figure_style import MUTED, STYLE, png
    from lulcseg.pictures.palette import value_colours

    (colour,) = value_colours([None])
    groups = {name: [row for row in rows if row["group"] == name] for name in dict.fromkeys(r["group"] for r in rows)}
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(7.2, 0.8 + 0.28 * len(rows) + 0.3 * len(groups)), layout="constrained")
        sizes = [len(members) + 0.6 for members in groups.values()]
        panels = figure.subplots(len(groups), 1, sharex=True, squeeze=False, height_ratios=sizes)[:, 0]
        for axes, (name, members) in zip(panels, groups.items(), strict=True):
            for i, row in enumerate(members):
                axes.plot([row["least"], row["greatest"]], [i, i], color=colour, linewidth=1.6)
                axes.plot(row["ratio"], i, "o", color=colour, markersize=5)
            axes.axvline(1, color=MUTED, linewidth=0.8)
            axes.set_yticks(range(len(members)), [row["arm"] for row in members])
            axes.set(ylim=(len(members) - 0.5, -0.5), xscale="log")
            axes.set_title(name, fontsize=8.5, loc="left")
            axes.tick_params(length=0)
        panels[-1].set_xticks([0.5, 1, 2, 4, 8], ["0.5", "1", "2", "4", "8"])
        panels[-1].set_xticks([], minor=True)
        panels[-1].set_xlabel("time for as many pixels, times the group's first arm")
        path.write_bytes(png(figure))


if __name__ == "__main__":
    main()
