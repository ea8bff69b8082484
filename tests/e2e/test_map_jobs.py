"""One map by several jobs from the command line: launched, started by hand, killed, refused."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
import rasterio

from tests.conftest import scene_maker
from tests.support.checkout import ROOT
from tests.support.small_runs import QUICK, run

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a scene, a trained model, and the map that one process makes."""
    root = tmp_path_factory.mktemp("jobs")
    scene_maker(root)("ground", size=(256, 128))
    run(root / "run", *QUICK, f"scene={root}/ground/scene.yaml", f"cache={root}/cache", "stop_after=training")
    done = predict(root, "alone")
    assert done.returncode == 0, done.stderr
    return root


def predict(folder: Path, output: str, *more: str, **env: str) -> subprocess.CompletedProcess[str]:
    words = [
        sys.executable, str(ROOT / "predict.py"), "checkpoint=run/checkpoints/best.ckpt", "scene=ground/scene.yaml",
        f"cache={folder}/cache", "mosaic.strip=16", "accelerator=cpu", "precision=32-true", f"output={output}", *more,
    ]  # fmt: skip
    env = os.environ | {"OMP_NUM_THREADS": "1", "COLUMNS": "120"} | env
    return subprocess.run(words, cwd=folder, env=env, capture_output=True, text=True, check=False, timeout=400)


def pixels(folder: Path, output: str) -> bytes:
    with rasterio.open(folder / output / "maps" / "ground_multiple.tif") as dataset:
        found: bytes = dataset.read().tobytes()
    return found


def test_queued_jobs_make_one_map(folder: Path) -> None:
    pytest.importorskip("hydra_plugins.hydra_submitit_launcher")
    done = predict(folder, "queued", "hydra/launcher=submitit_local", "mosaic.shares=2")
    assert done.returncode == 0, done.stderr
    assert f"lulcseg map status {folder}/queued/maps" in done.stdout
    assert pixels(folder, "queued") == pixels(folder, "alone")
    record = json.loads((folder / "queued" / "record.json").read_text())
    (entry,) = record["maps"]
    assert (entry["scene"], entry["strips_resumed"]) == ("ground", 0)
    assert record["assessments"] == json.loads((folder / "alone" / "record.json").read_text())["assessments"]
    assert not list((folder / "queued" / "maps").glob(".*"))


def test_a_job_is_killed_and_the_map_is_made(folder: Path, tmp_path: Path) -> None:
    """The first job to come there dies before it notes its first strip."""
    pytest.importorskip("hydra_plugins.hydra_submitit_launcher")
    hook = f"""
        import importlib.abc, importlib.util, os, signal, sys

        class Killing(importlib.abc.MetaPathFinder):
            def find_spec(self, name, path=None, target=None):
                if name != "lulcseg.mosaic.strip_store":
                    return None
                sys.meta_path.remove(self)
                spec = importlib.util.find_spec(name)
                own = spec.loader.exec_module

                def exec_module(module):
                    own(module)
                    then = module.StripStore.mark_done

                    def first(*arguments, **named):
                        try:
                            os.close(os.open({str(tmp_path / "killed")!r}, os.O_CREAT | os.O_EXCL))
                        except FileExistsError:
                            return then(*arguments, **named)
                        os.kill(os.getpid(), signal.SIGKILL)

                    module.StripStore.mark_done = first

                spec.loader.exec_module = exec_module
                return spec

        sys.meta_path.insert(0, Killing())
    """
    (tmp_path / "sitecustomize.py").write_text(textwrap.dedent(hook))
    path = os.pathsep.join([str(tmp_path), str(ROOT), os.environ.get("PYTHONPATH", "")])
    done = predict(folder, "killed", "hydra/launcher=submitit_local", "mosaic.shares=2", PYTHONPATH=path)
    assert (tmp_path / "killed").exists()
    assert "the launcher failed" in done.stderr
    assert done.returncode == 0, done.stderr
    assert pixels(folder, "killed") == pixels(folder, "alone")
    assert not list((folder / "killed" / "maps").glob(".*"))


def test_processes_of_srun_and_torchrun_work_each_for_itself(folder: Path) -> None:
    ranks = {
        "RANK": "1", "LOCAL_RANK": "1", "WORLD_SIZE": "4", "MASTER_ADDR": "nowhere", "MASTER_PORT": "1",
        "SLURM_PROCID": "1", "SLURM_LOCALID": "1", "SLURM_NTASKS": "4", "SLURM_JOB_ID": "7", "SLURM_JOB_NAME": "maps",
        "SLURM_NTASKS_PER_NODE": "4", "SLURM_NNODES": "2", "SLURM_NODEID": "1",
    }  # fmt: skip
    done = predict(folder, "srun", "mosaic.shares=4", **ranks)
    assert done.returncode == 0, done.stderr
    assert pixels(folder, "srun") == pixels(folder, "alone")
    assert (folder / "srun" / "report.html").is_file(), "the one that joins reports"
    again = predict(folder, "srun", "mosaic.shares=4", **ranks)
    assert again.returncode == 0, again.stderr
    assert "is made already" in again.stdout


def test_jobs_that_all_fail_are_reported_with_what_is_wrong(folder: Path) -> None:
    pytest.importorskip("hydra_plugins.hydra_joblib_launcher")
    bad = ["hydra/launcher=joblib", "hydra.launcher.n_jobs=2", "mosaic.shares=2", "mosaic.region=nowhere.gpkg"]
    done = predict(folder, "failed", *bad)
    assert done.returncode == 1
    assert done.stderr.count("lulcseg: a job failed.") == 2
    assert "nowhere.gpkg" in done.stderr
    assert "Traceback" not in done.stderr
