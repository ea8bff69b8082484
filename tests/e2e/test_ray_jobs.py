"""One map, and the replicates of a trial, on a Ray cluster of two nodes on this machine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import rasterio

from tests.conftest import scene_maker
from tests.support.checkout import ROOT
from tests.support.small_runs import QUICK, run

ray = pytest.importorskip("ray", reason="Ray isn't installed: pip install '.[ray]'")
pytest.importorskip("hydra_plugins.hydra_ray_launcher", reason="pip install '.[ray]'")
pytestmark = pytest.mark.slow

WITHOUT_GPUS = ["hydra/launcher=ray", "hydra.launcher.ray.remote.num_gpus=0", "hydra.launcher.ray.remote.num_cpus=1"]

SWEEP = ["+sweeps=batch_size", "+experiment=batch10", "sampling.match_total=null", "sampling.background=null"]


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """The address of a cluster of two nodes with room for one job each."""
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    cluster.add_node(num_cpus=1)
    cluster.wait_for_nodes()
    yield cluster.address
    cluster.shutdown()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a scene and a trained model."""
    root = tmp_path_factory.mktemp("ray")
    scene_maker(root)("ground", size=(256, 128))
    run(root / "run", *QUICK, f"scene={root}/ground/scene.yaml", f"cache={root}/cache", "stop_after=training")
    return root


def program(folder: Path, script: str, *words: str, address: str = "") -> subprocess.CompletedProcess[str]:
    env = os.environ | {"OMP_NUM_THREADS": "1", "COLUMNS": "120"} | ({"RAY_ADDRESS": address} if address else {})
    command = [sys.executable, str(ROOT / script), *words]
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False, timeout=600)


def mapped(folder: Path, output: str, *more: str, address: str = "") -> bytes:
    words = [
        "checkpoint=run/checkpoints/best.ckpt", "scene=ground/scene.yaml", f"cache={folder}/cache", "mosaic.strip=16",
        "accelerator=cpu", "precision=32-true", f"output={output}", *more,
    ]  # fmt: skip
    done = program(folder, "predict.py", *words, address=address)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    with rasterio.open(folder / output / "maps" / "ground_multiple.tif") as dataset:
        found: bytes = dataset.read().tobytes()
    return found


def test_jobs_on_two_nodes_make_the_map_of_one_process(folder: Path, address: str) -> None:
    assert mapped(folder, "shared", *WITHOUT_GPUS, "mosaic.shares=2", address=address) == mapped(folder, "alone")
    assert not list((folder / "shared" / "maps").glob(".*"))


def test_replicates_are_trained_on_the_cluster(folder: Path, address: str) -> None:
    words = ["scene=ground/scene.yaml", f"cache={folder}/cache", *QUICK, *SWEEP]
    done = program(folder, "train.py", "-m", *words, "seed=0,1", "stop_after=training", *WITHOUT_GPUS, address=address)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    states = [json.loads(path.read_text())["state"] for path in folder.glob("runs/batch_size/batch10/*/record.json")]
    assert states == ["finished", "finished"]
