"""Tiny mosaics and models that are plain functions, mapped as users map them: by ``map_scene``.

``ArrayReader`` holds the same imagery in memory, for tests of the parts that ``map_scene`` is made of.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import pytest
import rasterio
import torch
import yaml

from lulcseg.grid import Grid
from lulcseg.legend import LandClass, Legend
from lulcseg.models.unet import UNet
from lulcseg.mosaic import strip_job
from lulcseg.mosaic.devices import Devices
from lulcseg.mosaic.ensemble import Ensemble
from lulcseg.mosaic.mapping import map_scene
from lulcseg.mosaic.trained_model import TrainedModel
from lulcseg.run.part_in_maps import taking_part
from lulcseg.run_folder.folder import RunFolder
from lulcseg.scene.scene import Scene
from lulcseg.settings.mosaic import MosaicPass, MosaicSettings
from lulcseg.training.model_record import ModelRecord

LEGEND = Legend(tuple(LandClass(code, f"class {code}", f"#{code:02x}8040") for code in (30, 10, 0, 200)))
CODES = np.array(LEGEND.codes, dtype=np.uint8)


def random_image(height, width, *, bands=3, high=256, seed=0):
    """(bands, height, width) uint8."""
    return np.random.default_rng(seed).integers(0, high, (bands, height, width), dtype=np.uint8)


def holes(height, width):
    """(height, width) bool: a fifth of the pixels and a whole corner are invalid."""
    valid = np.random.default_rng(9).random((height, width)) > 0.2
    valid[: height // 2, : width // 3] = False
    return valid


class ArrayReader:
    """Imagery in memory, 0 where it is invalid, as a scene's reader returns it."""

    def __init__(self, image, valid=None):
        self.valid = np.ones(image.shape[-2:], bool) if valid is None else valid
        self.image = np.where(self.valid, image if image.ndim == 3 else image[None], 0).astype(image.dtype)
        self.bands = len(self.image)
        self.grid = Grid("EPSG:28355", 300_000.5, 8_000_000, 0.5, 0.5, *self.valid.shape)
        self.itemsize = self.image.itemsize
        self.asked = 0

    def clone(self):
        return self

    def read(self, window):
        assert self.grid.window.contains(window)
        self.asked += 1
        rows, cols = window.slices_in(self.grid.window)
        return self.image[:, rows, cols], self.valid[rows, cols]


def write_scene(folder, reader):
    """Write a reader's imagery, with its validity as a mask, and a scene file; return the scene file."""
    folder.mkdir(parents=True)
    grid = reader.grid
    profile = {
        "driver": "GTiff", "count": reader.bands, "height": grid.height, "width": grid.width, "dtype": "uint8",
        "crs": grid.crs, "transform": rasterio.Affine(*grid.transform),
    }  # fmt: skip
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True), rasterio.open(folder / "image.tif", "w", **profile) as out:
        out.write(reader.image)
        if not reader.valid.all():
            out.write_mask(reader.valid)
    legend = [{"code": c.code, "name": c.name, "colour": c.colour} for c in LEGEND]
    content = {"name": "tiny", "imagery": {"files": ["image.tif"]}, "legend": legend}
    (folder / "scene.yaml").write_text(yaml.safe_dump(content))
    return folder / "scene.yaml"


@dataclass(frozen=True)
class FunctionModel(TrainedModel):
    """A trained model whose network is any function of image and validity."""

    network: object = None
    patch: int = 8
    bands: int = 3

    @property
    def record(self):
        return ModelRecord(
            legend=LEGEND.to_plain(), bands=self.bands, dtype="uint8", resolution=[0.5, 0.5], patch_size=self.patch,
        )  # fmt: skip

    @property
    def scaled_over(self):
        return None

    @property
    def weights(self):
        return 0

    def on(self, device):
        return self.network


def settings_of(plan, **settings):
    """Return the settings that ask for a plan's passes."""
    passes = [
        MosaicPass([p.offset_rows, p.offset_cols], [90 * turn for turn in p.rotations], p.flips) for p in plan.passes
    ]
    return MosaicSettings(passes=passes, weight=plan.weight, trim=plan.trim, **settings)


def map_reader(folder, network, reader, plan, *, patch=8, batch=3, out=None, checkpoint=b"weights", **settings):
    """Map a reader's imagery with a function, on the CPU in float32.

    Called again with the same folder, it finds the imagery as it was left and resumes.

    Args:
        folder: Gets ``scene/`` (imagery and scene file), ``model.ckpt`` and ``maps/map.tif``.
        network: Returns logits, (B, 4, P, P), of images and validity; a list of such functions is an ensemble.
        reader: The imagery, written on the first call.
        plan: The passes.
        patch: Patch size in pixels.
        batch: Batch size.
        out: Where to write instead of ``maps/map.tif``.
        checkpoint: Content of the checkpoint that the map's identity names.
        **settings: Further fields of ``MosaicSettings``.

    Returns:
        The ``MapResult``.
    """
    asked = request_of(folder, network, reader, plan, patch=patch, batch=batch, checkpoint=checkpoint, **settings)
    return map_scene(*asked, out or folder / "maps" / "map.tif", label="test")


def request_of(folder, network, reader, plan, *, patch=8, batch=3, checkpoint=b"weights", **settings):
    """Return models, scene and settings of a map; arguments as in :func:`map_reader`."""
    path = folder / "scene" / "scene.yaml"
    scene = Scene.open(str(path if path.exists() else write_scene(path.parent, reader)), folder / "cache")
    (folder / "maps").mkdir(exist_ok=True)
    networks = network if isinstance(network, list) else [network]
    members = []
    for number, each in enumerate(networks):
        file = folder / f"model{number or ''}.ckpt"
        file.write_bytes(checkpoint + bytes(number))
        members.append(
            FunctionModel(None, file, "32-true", Devices("cpu"), network=each, patch=patch, bands=reader.bands)
        )
    return Ensemble.of(members), scene, settings_of(plan, batch_size=batch, **settings)


def share_reader(folder, network, reader, plan, *, shares=2, **request):
    """Make a reader's map as one of several processes; arguments as in :func:`map_reader`.

    Returns:
        The ``MapResult`` of the process that joins the strips, None in any other.
    """
    ensemble, scene, settings = request_of(folder, network, reader, plan, shares=shares, **request)
    run = RunFolder(folder)
    with taking_part(ensemble, {"map": scene}, settings, run) as parts:
        if not parts:
            return None
        return map_scene(ensemble, scene, settings, run.map_file("map"), label="test", share=parts[scene.name])


def codes_of(folder):
    """Return the class map of a folder, (H, W) uint8."""
    with rasterio.open(folder / "maps" / "map.tif") as dataset:
        return dataset.read(1)


def pixels_of(folder):
    """Return every raster's pixels of a folder's map, as bytes by file name."""
    found = {}
    for path in sorted((folder / "maps").glob("*.tif")):
        with rasterio.open(path) as dataset:
            found[path.name] = dataset.read().tobytes()
    return found


def class_pixels_of(result):
    """Return a ``MapResult``'s pixels of each class, in the legend's order."""
    return [area.pixels for area in result.areas]


class NormalisedUNet:
    """A U-Net with random weights whose logits are normalised, so that every class comes up.

    Attributes:
        batches: Length of each batch it was called with.
    """

    def __init__(self, dtype=torch.float32, seed=4):
        torch.manual_seed(seed)
        self.network = UNet(3, len(LEGEND), filters=4, depth=2).eval().to(memory_format=torch.channels_last)
        self.dtype = dtype
        self.batches = []

    def __call__(self, image, valid):
        self.batches.append(len(image))
        scaled = (image.float() / 255 * valid[:, None]).contiguous(memory_format=torch.channels_last)
        with torch.inference_mode(), torch.autocast("cpu", self.dtype, enabled=self.dtype != torch.float32):
            logits = self.network(scaled).float()
        centre, spread = logits.mean((2, 3), keepdim=True), logits.std((2, 3), keepdim=True)
        return 2 * (logits - centre) / spread


@contextmanager
def stopped_at_row(row):
    """Interrupt what maps in the block once it would write rows from ``row`` on, and expect that."""
    write = strip_job.StripWriter.write

    def write_or_stop(self, finished):
        if finished.row >= row:
            raise KeyboardInterrupt
        write(self, finished)

    with pytest.MonkeyPatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(strip_job.StripWriter, "write", write_or_stop)
        yield
