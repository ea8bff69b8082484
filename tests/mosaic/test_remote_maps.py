"""Maps of imagery that isn't here: to the last byte the maps of a copy here, however often the network failed."""

from __future__ import annotations

import json
import shutil
import signal

import numpy as np
import pytest
import torch
import yaml

from lulcseg.errors import LulcsegError
from tests.support.file_server import serving
from tests.support.killed_map import map_and_be_killed
from tests.support.mosaics import (
    ArrayReader,
    NormalisedUNet,
    holes,
    map_reader,
    pixels_of,
    random_image,
    write_scene,
)
from tests.support.pass_plans import MULTIPLE

LAYERS = ["probabilities", "confidence"]
IMPATIENT = {"GDAL_HTTP_MAX_RETRY": "2", "GDAL_HTTP_RETRY_DELAY": "0.01", "CPL_VSIL_CURL_CHUNK_SIZE": "1024"}
"""A server is asked again at once; and rasters so small aren't fetched whole at the first request."""


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    for key, value in IMPATIENT.items():
        monkeypatch.setenv(key, value)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def reader_of():
    return ArrayReader(random_image(131, 101), holes(131, 101))


def scene_of(folder, address):
    """Write the scene file of imagery elsewhere."""
    content = yaml.safe_load((folder.parent / "here" / "scene" / "scene.yaml").read_text())
    (folder / "scene").mkdir(parents=True, exist_ok=True)
    (folder / "scene" / "scene.yaml").write_text(yaml.safe_dump(content | {"imagery": {"files": [address]}}))


def map_of(folder, network=None, **more):
    return map_reader(
        folder, network or NormalisedUNet(), reader_of(), MULTIPLE, patch=32, batch=5, outputs=LAYERS, strip=16, **more
    )


@pytest.fixture
def whole(tmp_path):
    """The map of the copy here."""
    write_scene(tmp_path / "here" / "scene", reader_of())
    map_of(tmp_path / "here")
    return pixels_of(tmp_path / "here")


class Dying(NormalisedUNet):
    """Tells the server to cut every connection after some batches."""

    def __init__(self, server, after):
        super().__init__()
        self.server, self.after = server, after

    def __call__(self, image, valid):
        if len(self.batches) == self.after:
            self.server.tell(status=503)
        return super().__call__(image, valid)


def test_a_map_from_an_address_is_the_map_of_the_file(tmp_path, whole):
    """In the same folder, since a map's tags name the checkpoint's path."""
    maps, kept = tmp_path / "here" / "maps", tmp_path / "kept"
    maps.rename(kept)
    with serving(tmp_path / "here" / "scene") as server:
        scene_of(tmp_path / "here", server.url("image.tif"))
        map_of(tmp_path / "here")
        assert server.parts() > 3, "fetched at once: nothing is tried"
    assert pixels_of(tmp_path / "here") == whole
    for path in kept.glob("*.tif"):
        assert (maps / path.name).read_bytes() == path.read_bytes(), path.name


def test_a_server_that_dies_half_way(tmp_path, whole, capsys):
    with serving(tmp_path / "here" / "scene") as server:
        scene_of(tmp_path / "there", server.url("image.tif"))
        with pytest.raises(LulcsegError, match=r"/image.tif: the server answered with HTTP status 503; try again"):
            map_of(tmp_path / "there", Dying(server, 25))
        said = capsys.readouterr().out
        assert "strips are done and kept" in said
        assert not list((tmp_path / "there" / "maps").glob("*.tif"))
        server.tell()
        assert map_of(tmp_path / "there").strips_resumed > 0
    assert pixels_of(tmp_path / "there") == whole


LAYERS = ["probabilities", "confidence"]


def test_a_killed_map_resumes_unless_the_file_has_changed(tmp_path, whole, capsys):
    """Each time the address is signed anew: neither a map nor GDAL's memory depends on that."""
    served = tmp_path / "here" / "scene"
    with serving(served) as server:
        address = server.url("image.tif?X-Amz-Signature=SECRET")
        scene_of(tmp_path / "same", address + "1")
        killed = map_and_be_killed(tmp_path / "same", 22, LAYERS)
        assert killed.returncode == -signal.SIGKILL, killed.stderr
        shutil.copytree(tmp_path / "same", tmp_path / "changed")
        scene_of(tmp_path / "same", address + "2")
        assert map_of(tmp_path / "same").strips_resumed > 0
        assert pixels_of(tmp_path / "same") == whole

        image = reader_of().image
        image[:, 60:] += 1
        write_scene(tmp_path / "new" / "scene", ArrayReader(image, reader_of().valid))
        (tmp_path / "new" / "scene" / "image.tif").replace(served / "image.tif")
        scene_of(tmp_path / "changed", address + "3")
        capsys.readouterr()
        assert map_of(tmp_path / "changed").strips_resumed == 0
        assert "An unfinished map by other settings (imagery) was left as it is" in capsys.readouterr().out
        assert pixels_of(tmp_path / "changed") != whole
        (manifest,) = tmp_path.rglob("manifest.json")
        assert json.loads(manifest.read_text())["identity"]["imagery"]["files"][0][0] == server.url("image.tif?…")
    written = [p for p in tmp_path.rglob("*") if p.is_file() and p.name != "scene.yaml"]
    assert [p for p in written if b"SECRET" in p.read_bytes()] == []


def test_a_file_that_changes_while_it_is_mapped(tmp_path, whole):
    class Changing(NormalisedUNet):
        def __call__(self, image, valid):
            if len(self.batches) == 20:
                write_scene(tmp_path / "new" / "scene", ArrayReader(np.zeros((3, 131, 101), np.uint8)))
                (tmp_path / "new" / "scene" / "image.tif").replace(tmp_path / "here" / "scene" / "image.tif")
            return super().__call__(image, valid)

    with serving(tmp_path / "here" / "scene") as server:
        scene_of(tmp_path / "there", server.url("image.tif"))
        with pytest.raises(LulcsegError, match="it has changed on its server since it was first read"):
            map_of(tmp_path / "there", Changing())
    assert not list((tmp_path / "there" / "maps").glob("*.tif"))
