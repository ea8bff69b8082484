"""Strips a second of a map by one and two jobs, each pinned to a core of its own, and by more of them simulated.

python benchmarks/shares.py [--size 2048] [--strip 128 --patch 256 --filters 8 --plan multiple] [--jobs 1 2]
    [--simulated 1 2 4 8 16 32 --strips 256] [--rounds 3]

The model is the U-Net with random weights. Jobs of one map are processes that wait for each other before they begin,
and each has one core and one thread. The clock runs from there to the last strip, and again for the join. Beside the
wall time stands processor time, which other load on the machine changes less: strips by a second of the busiest job's
processor are what cores that are free would make. The fastest of --rounds counts.

For more jobs than there are cores the schedule itself is run, by the same function by which jobs choose their strips:
a strip takes the mean processor time of one measured with one job, the first after a jump as much more as it has
patches that reach in from above, and the join as long as measured, in proportion to the strips. The assumption: jobs
have cores, memory and disks that don't slow each other down, and all begin at once.
"""

from __future__ import annotations

import argparse
import heapq
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from mosaic import BATCH, write_image

from lulcseg.mosaic.strips import free_run


def main() -> None:
    """Measure, simulate and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=2048, help="side of the mosaic, pixels")
    parser.add_argument("--strip", type=int, default=128, help="rows of a strip")
    parser.add_argument("--patch", type=int, default=256)
    parser.add_argument("--filters", type=int, default=8, help="of the U-Net's first level; 32: the paper's")
    parser.add_argument("--plan", default="multiple", choices=("single", "multiple", "cheap"))
    parser.add_argument("--jobs", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--simulated", type=int, nargs="+", default=[1, 2, 4, 8, 16, 32])
    parser.add_argument("--strips", type=int, default=256, help="strips of the simulated map")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--one", type=json.loads, help=argparse.SUPPRESS)  # one job, in a process of its own
    asked = parser.parse_args()
    if asked.one:
        print(json.dumps(measured(**asked.one)))
        return
    kind = {key: getattr(asked, key) for key in ("strip", "patch", "filters", "plan")}
    best: dict[int, dict[str, float]] = {}
    with tempfile.TemporaryDirectory(prefix="shares") as name:
        image = write_image(Path(name) / "image.tif", asked.size)
        scene = image.with_name("scene.yaml")
        scene.write_text(f"name: mosaic\nimagery: {{files: [{image.name}]}}\n", encoding="utf-8")
        for number in range(asked.rounds):
            for jobs in asked.jobs:
                found = run(scene, jobs, number, kind)
                print(f"{jobs} jobs: {found['seconds']:.1f} s", flush=True)
                if jobs not in best or found["seconds"] < best[jobs]["seconds"]:
                    best[jobs] = found
    show_measured(best)
    show_simulated(best[min(best)], asked)


def run(scene: Path, jobs: int, number: int, kind: dict[str, Any]) -> dict[str, float]:
    """Make a map by several jobs, and return what it took."""
    cores = sorted(os.sched_getaffinity(0))
    processes = []
    for job in range(jobs):
        one = {"scene": str(scene), "job": job, "jobs": jobs, "core": cores[job % len(cores)], "number": number, **kind}
        command = [sys.executable, __file__, "--one", json.dumps(one)]
        env = os.environ | {"OMP_NUM_THREADS": "1"}
        processes.append(subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env))
    rows = []
    for process in processes:
        out, err = process.communicate()
        if process.returncode:
            sys.exit(err[-2000:])
        rows.append(json.loads(out.splitlines()[-1]))
    return {
        "seconds": max(row["ended"] for row in rows) - min(row["began"] for row in rows),
        "processor": sum(row["processor"] for row in rows),
        "busiest": max(row["processor"] for row in rows),
        "join": max(row["join"] for row in rows),
        "strips": rows[0]["strips"],
        "patches": sum(row["patches"] for row in rows),
        "above": rows[0]["above"],
    }


def measured(scene: str, job: int, jobs: int, core: int, number: int, **kind: Any) -> dict[str, Any]:
    """Take part in a map, and return when this job began and ended, and what it did."""
    os.sched_setaffinity(0, {core})
    import torch

    from lulcseg.legend import PAPER_LEGEND
    from lulcseg.mosaic.devices import Devices
    from lulcseg.mosaic.ensemble import Ensemble
    from lulcseg.mosaic.map_request import MapRequest
    from lulcseg.mosaic.mapping import map_scene
    from lulcseg.mosaic.shared_mapping import shared_map
    from lulcseg.mosaic.tiling import Tiling
    from lulcseg.mosaic.trained_model import TrainedModel
    from lulcseg.scene.scene import Scene
    from lulcseg.settings.model import ModelSettings
    from lulcseg.settings.mosaic import MosaicSettings
    from lulcseg.training.model_record import ModelRecord
    from lulcseg.training.task import SegmentationTask

    torch.set_num_threads(1)
    record = ModelRecord(
        legend=PAPER_LEGEND.to_plain(), bands=3, dtype="uint8", resolution=[0.5, 0.5], patch_size=kind["patch"],
        model=ModelSettings(filters=kind["filters"], depth=3),
    )  # fmt: skip
    folder = Path(scene).parent
    torch.manual_seed(0)
    checkpoint = folder / "model.ckpt"
    if not checkpoint.exists():
        checkpoint.write_bytes(b"weights")
    ensemble = Ensemble((TrainedModel(SegmentationTask(record), checkpoint, devices=Devices("cpu")),))
    opened = Scene.open(scene, folder / f"cache{job}")
    settings = MosaicSettings(name=kind["plan"], strip=kind["strip"], batch_size=BATCH, shares=jobs).with_preset()
    request = MapRequest.of(ensemble, opened, settings)
    tiling = Tiling(opened.grid.window, request.setup.plan, kind["patch"])
    blank = torch.zeros(request.setup.batch_size, 3, kind["patch"], kind["patch"], dtype=torch.uint8)
    ensemble.on(torch.device("cpu"), None)[0](blank, torch.ones(blank.shape[0], *blank.shape[2:], dtype=torch.bool))

    (folder / f"ready{number}_{jobs}_{job}").touch()
    while len(list(folder.glob(f"ready{number}_{jobs}_*"))) < jobs:
        time.sleep(0.01)
    began, processor, join = time.time(), time.process_time(), 0.0
    out = folder / f"map{number}_{jobs}.tif"
    with shared_map(ensemble, opened, settings, out) as share:
        ended, processor = time.time(), time.process_time() - processor
        patches, strips = share.worker.note.patches, len(share.strips)
        if share.takes_join():
            start = time.process_time()
            map_scene(ensemble, opened, settings, out, label="shares", share=share)
            join = time.process_time() - start
            share.store.discard()
    middle = share.strips[len(share.strips) // 2]
    above = tiling.count(_rows(opened, middle)) - tiling.count(opened.grid.window) / strips
    return {
        "began": began, "ended": ended, "processor": processor, "join": join, "strips": strips, "patches": patches,
        "above": above,
    }  # fmt: skip


def _rows(scene: Any, strip: Any) -> Any:
    from lulcseg.grid import Window

    return Window(strip.start, 0, strip.stop - strip.start, scene.grid.width)


def simulated(jobs: int, strips: int, strip_seconds: float, jump_seconds: float) -> float:
    """Return the seconds until all strips are done.

    Args:
        jobs: Number of jobs, which all begin at once.
        strips: Number of strips.
        strip_seconds: Time of a strip that goes on from the one above.
        jump_seconds: What the first strip after a jump takes more.
    """
    free, busy = [True] * strips, [False] * strips
    at: list[tuple[float, int, int]] = [(0.0, job, -2) for job in range(jobs)]
    last = 0.0
    while at:
        now, job, strip = heapq.heappop(at)
        last = max(last, now) if strip >= 0 else last
        if strip >= 0:
            busy[strip] = False
        following, takes = strip + 1, strip_seconds
        if strip < 0 or following >= strips or not free[following]:
            if not (found := free_run(free, busy, jobs)):
                continue
            following, takes = found[0], strip_seconds + jump_seconds
        free[following], busy[following] = False, True
        heapq.heappush(at, (now + takes, job, following))
    return last


def show_measured(best: dict[int, dict[str, float]]) -> None:
    """Print what was measured."""
    first = best[min(best)]
    rows = []
    for jobs, found in sorted(best.items()):
        rate, alone = found["strips"] / found["seconds"], first["strips"] / first["seconds"]
        undisturbed = found["strips"] / found["busiest"]
        rows.append([
            str(jobs), f"{found['seconds']:.1f}", f"{rate:.2f}", f"{rate / alone:.2f}", f"{found['processor']:.1f}",
            f"{undisturbed:.2f}", f"{undisturbed * first['busiest'] / first['strips']:.2f}", f"{found['patches']:,.0f}",
            f"{found['join']:.2f}",
        ])  # fmt: skip
    columns = [
        "jobs", "seconds", "strips/s", "× one job", "processor seconds", "strips/s of the busiest job's processor",
        "× one job", "patches", "join (s)",
    ]  # fmt: skip
    print_table(columns, rows)


def show_simulated(one: dict[str, float], asked: argparse.Namespace) -> None:
    """Print what follows for more jobs."""
    strip = one["processor"] / one["strips"]
    jump = strip * one["above"] / (one["patches"] / one["strips"])
    join = one["join"] * asked.strips / one["strips"]
    alone = simulated(1, asked.strips, strip, jump)
    rows = []
    for jobs in asked.simulated:
        seconds = simulated(jobs, asked.strips, strip, jump)
        rows.append([
            str(jobs), f"{seconds:.1f}", f"{asked.strips / seconds:.2f}", f"{alone / seconds / jobs:.2f}",
            f"{(alone + join) / (seconds + join):.1f}",
        ])  # fmt: skip
    print(f"{asked.strips} strips of {strip:.2f} s, {jump:.2f} s for a jump, {join:.1f} s for the join:")
    print_table(["jobs", "seconds", "strips/s", "efficiency", "speed-up with the join"], rows)


def print_table(columns: list[str], rows: list[list[str]]) -> None:
    """Print a table in Markdown."""
    import pandas as pd

    from lulcseg.trials.tables import as_markdown

    print(as_markdown(pd.DataFrame(rows, columns=columns), escape=False))


if __name__ == "__main__":
    main()
