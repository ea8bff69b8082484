"""Imagery that isn't here: read over the network as a copy on this machine is, or a sentence says why not."""

from __future__ import annotations

import logging
import subprocess
import sys
import warnings
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import rasterio
from PIL import Image
from rasterio.enums import ColorInterp

from lulcseg.cli import main
from lulcseg.errors import LulcsegError
from lulcseg.files import hide_secrets, path_of
from lulcseg.grid import Window
from lulcseg.maps.classraster import open_raster
from lulcseg.scene.decoded_imagery import decode
from lulcseg.scene.file_identity import identity_of
from lulcseg.scene.file_names import FileName, RemoteFile, locate
from lulcseg.scene.imagery import ImageryReader
from lulcseg.scene.mosaic_files import choose_bands, find_files, lay_grid
from lulcseg.scene.raster_headers import read_header
from lulcseg.scene.rasters import RasterSet
from lulcseg.scene.vectors import read_vector
from lulcseg.scene.whole_files import read_whole
from tests.conftest import CRS, LEFT, RES, TOP, write_raster
from tests.support.buckets import use_buckets
from tests.support.file_server import FileServer, serving

SIDE = 300
ALL = Window(-5, -5, SIDE + 10, SIDE + 10)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server is asked again at once, and waited for a second."""
    monkeypatch.setenv("GDAL_HTTP_MAX_RETRY", "3")
    monkeypatch.setenv("GDAL_HTTP_RETRY_DELAY", "0.01")
    monkeypatch.setenv("GDAL_HTTP_LOW_SPEED_TIME", "1")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[FileServer]:
    (tmp_path / "served").mkdir()
    with serving(tmp_path / "served") as found:
        yield found


def write(folder: Path, name: str = "a.tif", kind: str = "plain", *, bands: int = 3, seed: int = 0) -> Path:
    """Write a raster of blocks, with a hole by what a kind says."""
    values = np.random.default_rng(seed).integers(20, 90, (bands, SIDE, SIDE)).astype(np.uint8)
    hole = np.ones((SIDE, SIDE), bool)
    hole[40:200, :90] = False
    if kind == "alpha":
        values = np.concatenate([values, hole[None].astype(np.uint8) * 255])
    if kind == "nodata":
        values[:, ~hole] = 7
    path = folder / name
    with (
        rasterio.Env(GDAL_TIFF_INTERNAL_MASK=kind == "internal"),
        rasterio.open(
            path, "w", driver="GTiff", count=len(values), height=SIDE, width=SIDE, dtype="uint8", crs=CRS,
            transform=rasterio.Affine(RES, 0, LEFT, 0, -RES, TOP), nodata=7 if kind == "nodata" else None,
            tiled=True, blockxsize=64, blockysize=64, compress="deflate",
        ) as out,
    ):  # fmt: skip
        out.write(values)
        if kind == "alpha":
            out.colorinterp = [*[ColorInterp.undefined] * bands, ColorInterp.alpha]
        if kind in {"internal", "sidecar"}:
            out.write_mask(hole)
    return path


def imagery_of(file: FileName, resolution: float | None = None) -> ImageryReader:
    header = read_header(file)
    grid = lay_grid([header], None, resolution, Path("scene.yaml"))
    return ImageryReader(RasterSet([header], grid, choose_bands([header], None, Path("scene.yaml"))), None)


@pytest.mark.parametrize("resolution", [None, 2 * RES], ids=["own grid", "warped"])
@pytest.mark.parametrize("kind", ["plain", "nodata", "alpha", "internal", "sidecar"])
def test_pixels_and_validity_are_those_of_a_copy_here(
    server: FileServer, tmp_path: Path, kind: str, resolution: float | None
) -> None:
    path = write(tmp_path / "served", kind=kind)
    here, there = (imagery_of(f, resolution) for f in (path, locate(server.url("a.tif"), "test")))
    (image, valid), (found, known) = here.read(ALL), there.read(ALL)
    assert image.tobytes() == found.tobytes()
    assert np.array_equal(valid, known)
    assert np.array_equal(there.valid(ALL), valid)
    if kind != "plain":
        assert not here.valid(Window(*(20 if resolution else 40,) * 2, 20, 20)).any(), "no hole: nothing is tried"
    copied = decode(there, tmp_path / "cache").read(ALL)
    assert copied[0].tobytes() == image.tobytes()
    assert np.array_equal(copied[1], valid)


def test_a_decoded_copy_is_fetched_once(server: FileServer, tmp_path: Path) -> None:
    write(tmp_path / "served")
    imagery = imagery_of(locate(server.url("a.tif"), "test"))
    decode(imagery, tmp_path / "cache")
    server.tell(refused=[])
    copied = decode(imagery, tmp_path / "cache").read(ALL)
    assert not [each for each in server.asked() if each[2] not in {None, "bytes=0-0"}]
    assert copied[0].any()


def test_a_server_that_fails_twice_is_asked_again(server: FileServer, tmp_path: Path) -> None:
    path = write(tmp_path / "served")
    server.tell(refused=[503, 503])
    there = imagery_of(locate(server.url("a.tif"), "test"))
    server.tell(refused=[503, 502])
    assert there.read(ALL)[0].tobytes() == imagery_of(path).read(ALL)[0].tobytes()


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (404, r"/a.tif\?…: the server answered with HTTP status 404; check the address"),
        (403, r"/a.tif\?…: the server answered with HTTP status 403; give GDAL's credentials"),
        (503, r"/a.tif\?…: the server answered with HTTP status 503; try again"),
    ],
)
def test_a_refused_file_is_a_sentence(server: FileServer, tmp_path: Path, status: int, message: str) -> None:
    write(tmp_path / "served")
    server.tell(status=status)
    with pytest.raises(LulcsegError, match=message):
        read_header(locate(server.url("a.tif?X-Amz-Signature=SECRET"), "test"))


def test_a_server_that_dies_while_it_is_read(server: FileServer, tmp_path: Path) -> None:
    path = write(tmp_path / "served")
    imagery = imagery_of(locate(server.url("a.tif"), "test"))
    server.tell(status=503)
    with pytest.raises(LulcsegError, match=r"/a.tif: the server answered with HTTP status 503; try again"):
        imagery.read(ALL)
    server.tell()
    assert imagery.read(ALL)[0].tobytes() == imagery_of(path).read(ALL)[0].tobytes(), "it comes back"


def test_a_connection_cut_once_is_taken_up_again(server: FileServer, tmp_path: Path) -> None:
    path = write(tmp_path / "served")
    imagery = imagery_of(locate(server.url("a.tif"), "test"))
    server.tell(cut=6)  # GDAL gives up after four
    assert imagery.read(ALL)[0].tobytes() == imagery_of(path).read(ALL)[0].tobytes()
    assert 0 in [status for *_, status in server.asked()]


def test_a_server_that_is_gone(tmp_path: Path) -> None:
    (tmp_path / "served").mkdir()
    write(tmp_path / "served")
    with serving(tmp_path / "served") as server:
        imagery = imagery_of(locate(server.url("a.tif"), "test"))
    with pytest.raises(LulcsegError, match=r"/a.tif: it can't be reached \(.*refused"):
        imagery.read(ALL)
    with pytest.raises(LulcsegError, match=r"/b.tif: it can't be reached \(.*onnect"):
        read_header(locate(server.url("b.tif"), "test"))


@pytest.mark.slow
def test_a_slow_server_is_waited_for_and_a_stalled_one_is_not(server: FileServer, tmp_path: Path) -> None:
    write(tmp_path / "served")
    server.tell(delay=0.2)
    assert imagery_of(locate(server.url("a.tif"), "test")).read(ALL)[1].any()
    server.tell(delay=3)
    with pytest.raises(LulcsegError, match=r"it can't be reached \(Operation too slow"):
        read_header(locate(server.url("b.tif"), "test"))


def test_a_server_of_whole_files_only(server: FileServer, tmp_path: Path) -> None:
    write(tmp_path / "served")
    server.tell(ranges=False)
    with pytest.raises(LulcsegError, match="whole files only, not parts of them; download it"):
        read_header(locate(server.url("a.tif"), "test"))


@pytest.mark.parametrize("resolution", [None, 2 * RES], ids=["own grid", "warped"])
def test_a_mask_that_is_lost_is_an_error(server: FileServer, tmp_path: Path, resolution: float | None) -> None:
    """GDAL takes all pixels for valid where it is refused the mask beside a file."""
    write(tmp_path / "served")
    header = read_header(locate(server.url("a.tif"), "test"))
    masked = replace(header, facts=replace(header.facts, masked=True, has_mask=True))
    grid = lay_grid([header], None, resolution, Path("scene.yaml"))
    with pytest.raises(LulcsegError, match="its mask is no longer there"):
        RasterSet([masked], grid, [1]).read(ALL)


@pytest.mark.parametrize("where", ["server", "bucket"])
@pytest.mark.parametrize("kind", ["sidecar", "plain"])
def test_a_mask_that_fails_at_its_first_opening_is_an_error(
    server: FileServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, where: str
) -> None:
    """GDAL takes all pixels for valid where its server fails for the mask, and no header tells."""
    folder = tmp_path / "served" / "bucket"
    folder.mkdir()
    path = write(folder, f"{kind}_{where}.tif", kind)
    use_buckets(server, monkeypatch)
    there = locate(server.url(f"bucket/{path.name}") if where == "server" else f"s3://bucket/{path.name}", "test")
    server.tell(statuses={".msk": 503})
    with pytest.raises(LulcsegError, match=r"tif.msk: the server answered with HTTP status 503; try again"):
        read_header(there)
    with pytest.raises(LulcsegError, match=r"tif.msk: the server answered with HTTP status 503"), open_raster(there):
        pass
    server.tell(statuses={".msk": 403, ".aux.xml": 403})  # what isn't there, of many stores
    write(folder, f"other_{where}.tif", "plain")
    other = server.url(f"bucket/other_{where}.tif") if where == "server" else f"s3://bucket/other_{where}.tif"
    assert imagery_of(locate(other, "test")).read(ALL)[1][10:-10, 10:-10].all()


def test_metadata_that_fail_at_their_first_opening_are_an_error(server: FileServer, tmp_path: Path) -> None:
    write(tmp_path / "served")
    server.tell(statuses={".aux.xml": 502})
    with pytest.raises(LulcsegError, match=r"a.tif.aux.xml: the server answered with HTTP status 502; try again"):
        read_header(locate(server.url("a.tif"), "test"))


def test_a_page_for_whatever_is_not_there_is_no_mask(server: FileServer, tmp_path: Path) -> None:
    write(tmp_path / "served")
    (tmp_path / "served" / "a.tif.msk").write_text("<!DOCTYPE html>nothing here")
    assert not read_header(locate(server.url("a.tif"), "test")).facts.has_mask


def test_identity_is_the_servers_word(server: FileServer, tmp_path: Path) -> None:
    path = write(tmp_path / "served")
    there = locate(server.url("a.tif"), "test")
    assert isinstance(there, RemoteFile)
    known = identity_of(there)
    assert known[:2] == [server.url("a.tif"), path.stat().st_size]
    assert known[2] is not None
    assert known == identity_of(there)
    assert imagery_of(there).state()["files"][0] == known
    write(tmp_path / "served", seed=1)
    with pytest.raises(LulcsegError, match="it has changed on its server since it was first read; start again"):
        identity_of(there)


def test_without_validators_the_layout_is_the_identity(server: FileServer, tmp_path: Path) -> None:
    server.tell(validators=False)
    found = []
    for seed, name in ((0, "a.tif"), (0, "b.tif"), (1, "c.tif")):
        write(tmp_path / "served", name, seed=seed)
        there = locate(server.url(name), "test")
        assert isinstance(there, RemoteFile)
        found.append(identity_of(there)[1:])
    assert found[0] == found[1]
    assert found[0] != found[2]


def test_without_validators_and_compression_pixels_are_looked_at(server: FileServer, tmp_path: Path) -> None:
    server.tell(validators=False)
    found = []
    for number in (0, 1):
        served = tmp_path / "served" / f"raw{number}.tif"
        profile = {"driver": "GTiff", "height": 256, "width": 256, "count": 1, "dtype": "uint8", "crs": "EPSG:28355"}
        with rasterio.open(served, "w", **profile, transform=rasterio.Affine(1, 0, 4e5, 0, -1, 8e6)) as file:
            file.write(np.full((1, 256, 256), 40 + number, dtype=np.uint8))
        there = locate(server.url(served.name), "test")
        assert isinstance(there, RemoteFile)
        found.append(identity_of(there)[1:])
    assert found[0] != found[1]


@pytest.mark.parametrize("interleave", ["band", "pixel"])
@pytest.mark.parametrize("compress", ["deflate", None])
@pytest.mark.parametrize("band", [1, 2, 3])
def test_without_validators_a_change_of_any_band_is_seen(
    server: FileServer, tmp_path: Path, band: int, compress: str | None, interleave: str
) -> None:
    server.tell(validators=False)
    values = np.random.default_rng(0).integers(0, 9, (3, 256, 256)).astype(np.uint8)
    found = []
    for number in (0, 1):
        name = f"b{band}_{compress}_{interleave}_{number}.tif"
        values[band - 1] = np.random.default_rng(number).integers(0, 9 + 9 * number, (256, 256))
        options = {"compress": compress} if compress else {}
        write_raster(tmp_path / "served" / name, values, interleave=interleave, **options)
        there = locate(server.url(name), "test")
        assert isinstance(there, RemoteFile)
        found.append(identity_of(there)[1:])
    sizes = [(tmp_path / "served" / f"b{band}_{compress}_{interleave}_{n}.tif").stat().st_size for n in (0, 1)]
    assert found[0][1:] != found[1][1:], sizes
    if compress is None:
        assert sizes[0] == sizes[1]


def test_a_signature_is_neither_shown_nor_part_of_the_identity(
    server: FileServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write(tmp_path / "served")
    one, two, other = (
        locate(server.url(f"a.tif?{query}"), "test")
        for query in ("layer=2&X-Amz-Signature=SECRET", "layer=2&X-Amz-Signature=MORE", "layer=3")
    )
    assert identity_of(one) == identity_of(two)
    assert identity_of(one) != identity_of(other)
    assert "SECRET" not in str(one) + repr(one) + str(identity_of(one))
    server.tell(status=503)
    with caplog.at_level(logging.DEBUG), pytest.raises(LulcsegError) as error:
        read_header(locate(server.url("b.tif?sig=SECRET"), "test"))
    assert "503" in caplog.text
    assert "SECRET" not in caplog.text + str(error.value)


def test_a_virtual_raster_of_files_elsewhere(server: FileServer, tmp_path: Path) -> None:
    path = write(tmp_path / "served")
    text = VRT.format(side=SIDE, crs=CRS, left=LEFT, top=TOP, res=RES, source=f"/vsicurl/{server.url('a.tif')}")
    (tmp_path / "a.vrt").write_text(text)
    imagery = imagery_of(tmp_path / "a.vrt")
    assert imagery.read(ALL)[0].tobytes() == imagery_of(path).read(ALL)[0][:1].tobytes()
    assert [server.url("a.tif"), path.stat().st_size] in [each[:2] for each in imagery.state()["files"]]


VRT = """<VRTDataset rasterXSize="{side}" rasterYSize="{side}"><SRS>{crs}</SRS>
<GeoTransform>{left}, {res}, 0, {top}, 0, -{res}</GeoTransform><VRTRasterBand dataType="Byte" band="1">
<SimpleSource><SourceFilename>{source}</SourceFilename><SourceBand>1</SourceBand></SimpleSource>
</VRTRasterBand></VRTDataset>"""


TMS = """<GDAL_WMS><Service name="TMS"><ServerUrl>{url}/${{z}}/${{x}}/${{y}}.png</ServerUrl></Service>
<DataWindow><UpperLeftX>{left}</UpperLeftX><UpperLeftY>{top}</UpperLeftY><LowerRightX>{right}</LowerRightX>
<LowerRightY>{bottom}</LowerRightY><TileLevel>1</TileLevel><TileCountX>1</TileCountX><TileCountY>1</TileCountY>
<YOrigin>top</YOrigin></DataWindow><Projection>{crs}</Projection><BlockSizeX>64</BlockSizeX><BlockSizeY>64</BlockSizeY>
<BandsCount>3</BandsCount></GDAL_WMS>"""


def test_tiles_of_a_web_map(server: FileServer, tmp_path: Path) -> None:
    """GDAL asks for each tile once."""
    whole = np.random.default_rng(0).integers(0, 255, (128, 128, 3), dtype=np.uint8)
    for x in (0, 1):
        (tmp_path / "served" / "1" / str(x)).mkdir(parents=True)
        for y in (0, 1):
            tile = whole[64 * y : 64 * y + 64, 64 * x : 64 * x + 64]
            Image.fromarray(tile).save(tmp_path / "served" / "1" / str(x) / f"{y}.png")
    corners = {"left": LEFT, "top": TOP, "right": LEFT + 128 * RES, "bottom": TOP - 128 * RES}
    (tmp_path / "map.xml").write_text(TMS.format(url=server.url("").rstrip("/"), crs=CRS, **corners))
    imagery = imagery_of(tmp_path / "map.xml")
    server.tell(refused=[503, 502])
    image, valid = imagery.read(Window(0, 0, 128, 128))
    assert np.array_equal(image, np.moveaxis(whole, -1, 0))
    assert valid.all()
    server.tell(status=503)
    with pytest.raises(LulcsegError, match=r"map.xml: the server answered with HTTP status 503; try again"):
        imagery_of(tmp_path / "map.xml").read(Window(0, 0, 128, 128))
    assert len(server.asked()) == 4, "once and three times more"
    server.tell()
    (tmp_path / "served" / "1" / "1" / "1.png").unlink()
    with pytest.raises(LulcsegError, match=r"map.xml: the server answered with HTTP status 404"):
        imagery_of(tmp_path / "map.xml").read(Window(0, 0, 128, 128))


def test_a_store_of_objects(server: FileServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "served" / "bucket").mkdir()
    path = write(tmp_path / "served" / "bucket")
    use_buckets(server, monkeypatch)
    imagery = imagery_of(locate("s3://bucket/a.tif", "test"))
    assert imagery.read(ALL)[0].tobytes() == imagery_of(path).read(ALL)[0].tobytes()
    assert imagery.state()["files"][0][0] == "s3://bucket/a.tif"
    with pytest.raises(LulcsegError, match=r"^s3://bucket/b.tif: "):
        read_header(locate("s3://bucket/b.tif", "test"))


def test_an_archive_here(tmp_path: Path) -> None:
    import zipfile

    path = write(tmp_path)
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.write(path, "in/a.tif")
    inside = locate(f"/vsizip/{tmp_path}/a.zip/in/a.tif", "test")
    imagery = imagery_of(inside)
    assert imagery.read(ALL)[0].tobytes() == imagery_of(path).read(ALL)[0].tobytes()
    assert identity_of(inside)[1] == (tmp_path / "a.zip").stat().st_size


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("ftp://host/a.tif", "'ftp://host/a.tif' is not an address that can be read; use a path, or an address of"),
        ("https://", "'https://' is not an address"),
        ("https://host/*.tif", r"'https://host/\*.tif' is a pattern, and files elsewhere can't be listed"),
    ],
)
def test_addresses_that_cannot_be_read(written: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(LulcsegError, match=message):
        find_files([written], tmp_path, "imagery.files")


def test_names_of_all_kinds(tmp_path: Path) -> None:
    names = ["https://u:p@host/x/a%20b.tif?sig=1", "s3://bucket/k.tif", "gs://b/k.tif", "/vsicurl/https://host/c.tif"]
    found = [locate(name, "test") for name in names]
    assert [f.name for f in found] == ["a b.tif", "k.tif", "k.tif", "c.tif"]
    assert [str(f) for f in found] == ["https://host/x/a%20b.tif?…", *names[1:3], "https://host/c.tif"]
    assert locate(f"file://{tmp_path}/a%20b.tif", "test") == tmp_path / "a b.tif"
    assert locate("a.tif", "test", tmp_path) == tmp_path / "a.tif"
    assert hide_secrets("no address? none") == "no address? none"


def test_nothing_that_gdal_says_is_printed(server: FileServer, tmp_path: Path) -> None:
    """In a process of its own: GDAL chooses once where its messages go."""
    write(tmp_path / "served")
    server.tell(statuses={".MSK": 503})  # which GDAL asks for after the raster is open
    address = server.url("a.tif").replace("//", "//me:SECRET@")
    script = f"""
from lulcseg.scene.file_names import locate
from lulcseg.scene.raster_headers import read_header
read_header(locate({address!r}, "test"))
"""
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert ended.stdout + ended.stderr == ""
    assert any(status == 503 for *_, status in server.asked())


def test_a_page_for_the_file_itself_is_called_one(server: FileServer, tmp_path: Path) -> None:
    """As of pages to log in; the statuses of files that GDAL looks for beside it say nothing of it."""
    for name in ("a.tif", "a.gpkg", "a.csv", "a.json", "plain.tif"):
        (tmp_path / "served" / name).write_text("<html><p>Log in</p></html>\n" * 300)
    server.tell(kinds={"a" + ending: "text/html; charset=utf-8" for ending in (".tif", ".gpkg", ".csv", ".json")})
    page = r"the server answered with a page \(text/html\)"
    with pytest.raises(LulcsegError, match=rf"/a.tif: it can't be read as a raster: {page}; .*logs? in"):
        read_header(locate(server.url("a.tif"), "test"))
    with pytest.raises(LulcsegError, match=r"/plain.tif: it can't be read as a raster; give a raster"):
        read_header(locate(server.url("plain.tif"), "test"))
    with (
        pytest.raises(LulcsegError, match=rf"/a.tif: not a raster: {page}"),
        open_raster(locate(server.url("a.tif"), "test")),
    ):
        pass
    with pytest.raises(LulcsegError, match=rf"/a.gpkg: it can't be read as a vector file \(.*\): {page}"):
        read_vector(locate(server.url("a.gpkg"), "test"), None, None, None)
    with pytest.raises(LulcsegError, match=rf"/a.csv: it can't be read: {page}"):
        read_vector(locate(server.url("a.csv"), "test"), None, None, None)
    with pytest.raises(LulcsegError, match=rf"/a.json: it can't be read: {page}"):
        read_whole(locate(server.url("a.json"), "test"))


def test_where_only_a_path_is_possible_an_address_is_called_one() -> None:
    with pytest.raises(LulcsegError, match=r"'https://host/best.ckpt' is an address, but a path is needed here; down"):
        path_of("https://host/best.ckpt?token=SECRET", "checkpoint")


def test_commands_take_an_address_for_an_address(capsys: pytest.CaptureFixture[str]) -> None:
    warnings.simplefilter("error")
    for words, message in (
        (["quicklook", "http://127.0.0.1:9/map.tif"], "http://127.0.0.1:9/map.tif: it can't be reached"),
        (["contact", "https://user:secret@host/map.tif"], "scene: 'https://host/map.tif' is an address, but a path"),
        (
            ["quicklook", "a.tif", "--out", "https://host/a.png?sig=SECRET"],
            "'https://host/a.png' is an address, but results",
        ),
        (["assess", "a.tif", "p.gpkg", "--out", "s3://b/a"], "written to this machine alone; give a folder or a file"),
        (["assess", "http://127.0.0.1:9/map.tif", "x.gpkg"], "x.gpkg: no such file"),
        (["assess", "http://127.0.0.1:9/map.tif", "http://127.0.0.1:9/x.gpkg"], "it can't be reached"),
    ):
        with pytest.raises(SystemExit) as ended:
            main(words)
        assert ended.value.code == 2
        assert message in capsys.readouterr().err
