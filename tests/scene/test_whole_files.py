"""Tables and STAC items wherever they are: on a web server, in a bucket, in an archive; and what fails."""

from __future__ import annotations

import gzip
import json
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import yaml

from lulcseg.errors import LulcsegError
from lulcseg.scene.bucket_files import open_store
from lulcseg.scene.check.labels_check import check_labels
from lulcseg.scene.check.points_check import check_points
from lulcseg.scene.file_names import RemoteFile, locate
from lulcseg.scene.scene import Scene
from lulcseg.scene.scene_state import scene_state
from lulcseg.scene.whole_files import read_whole
from tests.conftest import CRS, write_raster
from tests.support.buckets import use_buckets
from tests.support.file_server import FileServer, serving

Make = Callable[..., Path]
PLACES = ["path", "server", "bucket", "zip", "tar"]


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A store is asked again once, at once."""
    monkeypatch.setenv("GDAL_HTTP_MAX_RETRY", "1")
    monkeypatch.setenv("GDAL_HTTP_RETRY_DELAY", "0.01")


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FileServer]:
    (tmp_path / "served" / "farm" / "in").mkdir(parents=True)
    with serving(tmp_path / "served") as found:
        use_buckets(found, monkeypatch)
        yield found


def put(folder: Path, server: FileServer, place: str, name: str, content: bytes) -> str:
    """Put a file somewhere, and return its name there."""
    path = folder / "served" / "farm" / "in" / name
    path.write_bytes(content)
    if place == "zip":
        with zipfile.ZipFile(folder / "a.zip", "a") as packed:
            packed.writestr(f"in/{name}", content)
        return f"/vsizip/{folder}/a.zip/in/{name}"
    if place == "tar":
        with tarfile.open(folder / "a.tar", "a") as packed:
            packed.add(path, f"in/{name}")
        return f"/vsitar/{folder}/a.tar/in/{name}"
    return {"path": str(path), "server": server.url(f"farm/in/{name}"), "bucket": f"s3://farm/in/{name}"}[place]


@pytest.mark.parametrize("place", PLACES)
def test_labels_and_points_by_tables_anywhere(
    make_scene: Make, cache: Path, tmp_path: Path, server: FileServer, place: str
) -> None:
    path = make_scene()
    expected = Scene.open(str(path), cache)
    labels, points = (gpd.read_file(path.parent / f"{name}.gpkg") for name in ("labels", "points"))
    labels.to_parquet(tmp_path / "labels.parquet")
    table = points.drop(columns="geometry").assign(x=points.geometry.x, y=points.geometry.y).to_csv(index=False)
    content = yaml.safe_load(path.read_text())
    content["labels"]["file"] = put(tmp_path, server, place, "l.parquet", (tmp_path / "labels.parquet").read_bytes())
    content["points"] |= {"file": put(tmp_path, server, place, "p.csv", table.encode()), "crs": CRS}
    path.write_text(yaml.safe_dump(content))
    scene = Scene.open(str(path), cache)
    assert scene.labels is not None
    assert expected.labels is not None
    whole = scene.grid.window
    np.testing.assert_array_equal(scene.labels.read(whole), expected.labels.read(whole))
    assert scene.points is not None
    assert expected.points is not None
    assert scene.points.geometry.geom_equals_exact(expected.points.geometry, 1e-6).all()
    assert not check_labels(scene).faults + check_points(scene).faults
    assert scene_state(scene)["vectors"] == scene_state(Scene.open(str(path), cache))["vectors"]


@pytest.mark.parametrize("place", PLACES)
def test_an_item_and_its_relative_asset_anywhere(tmp_path: Path, server: FileServer, cache: Path, place: str) -> None:
    image = np.random.default_rng(0).integers(0, 255, (3, 64, 64), dtype=np.uint8)
    content = write_raster(tmp_path / "a.tif", image).read_bytes()
    put(tmp_path, server, place, "a.tif", content)
    asset = {"href": "../in/a.tif", "type": "image/tiff"}
    item = json.dumps({"type": "Feature", "assets": {"visual": asset}})
    name = put(tmp_path, server, place, "item.json", item.encode())
    (tmp_path / "scene.yaml").write_text(yaml.safe_dump({"imagery": {"stac": name}}))
    scene = Scene.open(str(tmp_path / "scene.yaml"), cache)
    np.testing.assert_array_equal(scene.imagery.read(scene.grid.window)[0], image)


def test_archives_of_one_file(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "p.csv.zip", "w") as packed:
        packed.writestr("p.csv", b"a,b")
    (tmp_path / "p.csv.gz").write_bytes(gzip.compress(b"a,b"))
    for name in (f"/vsizip/{tmp_path}/p.csv.zip", f"/vsigzip/{tmp_path}/p.csv.gz"):
        assert read_whole(locate(name, "test")) == b"a,b"
    with zipfile.ZipFile(tmp_path / "p.csv.zip", "a") as packed:
        packed.writestr("q.csv", b"a,b")
    (tmp_path / "broken.zip").write_bytes(b"PK nothing")
    for name, message in (
        (f"/vsizip/{tmp_path}/p.csv.zip", "it holds 2 files; name one after the archive"),
        (f"/vsizip/{tmp_path}/p.csv.zip/none.csv", "it can't be read .*none.csv"),
        (f"/vsizip/{tmp_path}/broken.zip/p.csv", r"it can't be read \(File is not a zip file\)"),
        (f"/vsigzip/{tmp_path}/broken.zip", r"it can't be read \(Not a gzipped file"),
        ("/vsizip//vsicurl/https://host/a.zip/p.csv", "it can't be read from there as a whole; copy the file"),
    ):
        with pytest.raises(LulcsegError, match=message):
            read_whole(locate(name, "test"))


@pytest.mark.parametrize(
    ("told", "message"),
    [
        ({"status": 403}, "HTTP status 403; give GDAL's credentials"),
        ({"status": 503}, "HTTP status 503; try again"),
        ({"status": 404}, "HTTP status 404; check the address"),
        ({"answers_left": 0}, r"it can't be read \(.*NETWORK_CONNECTION.*check the address and the network"),
    ],
)
def test_a_bucket_that_fails_is_a_sentence(
    tmp_path: Path, server: FileServer, monkeypatch: pytest.MonkeyPatch, told: dict[str, int], message: str
) -> None:
    put(tmp_path, server, "bucket", "p.csv", b"x,y\n" + b"1,2\n" * 100_000)
    monkeypatch.setenv("AWS_NO_SIGN_REQUEST", "NO")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "NAMEDKEY")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "SECRET")
    server.tell(**told)
    with pytest.raises(LulcsegError, match=f"^s3://farm/in/p.csv: .*{message}") as error:
        read_whole(locate("s3://farm/in/p.csv", "test"))
    assert "SECRET" not in str(error.value)
    assert "NAMEDKEY" not in str(error.value)
    server.tell()
    assert len(read_whole(locate("s3://farm/in/p.csv", "test"))) == 400_004, "it comes back"


def test_stores_are_opened_as_gdal_opens_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GS_NO_SIGN_REQUEST", "YES")
    monkeypatch.setenv("CPL_GS_ENDPOINT", "http://127.0.0.1:9/")
    file = RemoteFile("/vsigs/bucket/p.csv")
    assert open_store("gs", file).type_name == "gcs"
    monkeypatch.delenv("AZURE_STORAGE_CONNECTION_STRING", raising=False)
    monkeypatch.delenv("AZURE_STORAGE_ACCOUNT", raising=False)
    with pytest.raises(LulcsegError, match="its account isn't known; set AZURE_STORAGE_ACCOUNT"):
        open_store("az", file)
    monkeypatch.setenv("AZURE_STORAGE_CONNECTION_STRING", "AccountName=farm;AccountKey=c2VjcmV0;EndpointSuffix=x")
    assert open_store("az", file).type_name == "abfs"
