"""The report page: what it says, that it stands alone, and that missing parts don't break it."""

from __future__ import annotations

import json
import re
import shutil

import numpy as np
import pytest
import rasterio

from lulcseg.assessment.assessment import Assessment
from lulcseg.errors import LulcsegError
from lulcseg.grid import Grid
from lulcseg.legend import LandClass, Legend
from lulcseg.report.area_table import area_rows, hectares_per_pixel
from lulcseg.report.run.run_page import write_report
from tests.support.html_page import Page
from tests.support.runs import write_run

LEGEND = Legend(
    (
        LandClass(10, "<b>Cane</b>", "#8fce6a"),
        LandClass(30, "Road & 'rail' {{ 7 * 7 }}", "#d81b60"),
        LandClass(50, "Water", "#2266aa"),
        LandClass(70, "Other", "#c8c4b7"),
        LandClass(90, '"Vines"', "#7b3fa0"),
    )
)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return write_run(tmp_path_factory.mktemp("runs") / "demo", LEGEND, size=(90, 120), n_points=200)


@pytest.fixture
def copied(run, tmp_path):
    return shutil.copytree(run, tmp_path / "run")


@pytest.fixture(scope="module")
def html(run):
    path = write_report(run)
    assert path == run / "report.html"
    return path.read_text(encoding="utf-8")


def test_it_shows_every_part(run, html):
    words = Page(html).words()

    result = Assessment.load(run / "assessment" / "synthetic2018_multiple")
    for expected in (
        *("Demo: stratified, 96 px", "synthetic2018", "synthetic2015", "Digitised labels", "Map, multiple pass"),
        f"{result.scores.kappa:.3f}",
        f"{result.scores.mean_f1:.3f}",
        f"{result.scores.n_scored} of 200 points scored",
        *("not interpretable", "the map has no data here", "Inside training patches"),
        *("120 patches of 30 × 30 pixels", "patch_size: 96", "packages.rasterio", "1.5.2", "5 min"),
    ):
        assert expected in words
    assert "missing" not in words


def test_tables_hold_the_assessment(run, html):
    result = Assessment.load(run / "assessment" / "synthetic2018_single")
    users, interval = result.scores.users[0], result.scores.users_interval[0]

    assert f'title="95 % interval {interval[0]:.2f}–{interval[1]:.2f}"' in html
    assert f'<span class="num">{users:.3f}</span>' in html
    section = html.split('id="scene-1-2"')[1].split("</details>")[0]
    matrix = section.split('class="matrix"')[1].split("<tbody>")[1].split("</tbody>")[0]
    cells = re.findall(r'<td class="(?:agrees|differs)[^>]*>([^<]*)<', matrix)
    counts = [0 if c == "·" else int(c.replace(",", "")) for c in cells]
    assert counts == result.confusion.ravel().tolist()


def test_a_class_never_mapped_prints_a_dash_and_counts_zero(run, html):
    result = Assessment.load(run / "assessment" / "synthetic2015_multiple")
    assert result.scores.mapped_points[4] == 0

    row = html.split('id="scene-2-2"')[1].split("&#34;Vines&#34;</td>")[1].split("</tr>")[0]

    assert re.findall(r'class="num">([^<]*)<', row) == ["–", "0.000", "0.000"]


def test_class_names_are_escaped(html):
    assert "<b>Cane" not in html
    assert "&lt;b&gt;Cane&lt;/b&gt;" in html
    assert "Road & 'rail' {{ 7 * 7 }}" in Page(html).words()


def test_other_texts_are_escaped_too(copied):
    record = json.loads((copied / "record.json").read_text())
    record["name"] = "</title><script>alert(1)</script>"
    record["environment"]["note"] = "<img src=x>"
    (copied / "record.json").write_text(json.dumps(record))
    (copied / "config.yaml").write_text("name: </pre><script>alert(2)</script>")

    html = write_report(copied).read_text()

    assert "alert(1)</script>" not in html
    assert "alert(2)</script>" not in html
    assert "<img src=x>" not in html


def test_it_asks_nothing_of_the_network(html):
    page = Page(html)
    links = [
        value for _, a in page.tags for key in ("src", "href", "srcset", "data", "action") if (value := a.get(key))
    ]
    assert len(links) > 10
    assert all(link.startswith(("data:", "#")) for link in links)
    assert "url(" not in html.split("<style>")[1].split("</style>")[0]
    assert "@import" not in html
    policy = next(a["content"] for tag, a in page.tags if tag == "meta" and "http-equiv" in a)
    assert policy.startswith("default-src 'none'")


def test_pictures_have_alternatives_and_are_of_one_size(html):
    pictures = [a for tag, a in Page(html).tags if tag == "img"]

    assert all(a["alt"] for a in pictures)
    assert {(a["width"], a["height"]) for a in pictures if "width" in a} == {("120", "90")}
    assert sum(a.get("class") == "classes" for a in pictures) == 5  # labels and maps: 1 + 2, and 1 + 1


def test_areas_are_those_of_the_map(run, html):
    table = html.split("Legend and mapped area")[1].split("</table>")[0]

    shares = [float(v) for v in re.findall(r'class="figure" data-value="([^"]+)"', table)]

    np.testing.assert_allclose([sum(shares[0::2]), sum(shares[1::2])], 1)


@pytest.mark.parametrize(
    ("crs", "hectares"), [("EPSG:28355", 0.0004), ("EPSG:4326", None), ("EPSG:2263", 0.0004 * 0.3048006096**2)]
)
def test_hectares_follow_the_unit_of_the_crs(crs, hectares):
    grid = Grid(crs, 0.0, 0.0, 2.0, 2.0, 4, 4)

    assert hectares_per_pixel(grid) == (None if hectares is None else pytest.approx(hectares))
    rows = area_rows(LEGEND, [[1, 3, 0, 0, 0]], grid)
    assert rows[1].areas[0][1] == 0.75


@pytest.mark.parametrize(
    ("part", "sentence"),
    [
        ("record.json", "record.json is not in the run directory"),
        ("metrics.csv", "There are no learning curves"),
        ("plan.gpkg", "patches' places are not in the run directory"),
        ("config.yaml", "The composed configuration is missing"),
        ("assessment", "Nothing was assessed"),
        ("maps", "The run directory holds no map of this scene"),
        ("previews", "The run directory holds no preview of the imagery"),
    ],
)
def test_a_missing_part_is_a_sentence(copied, part, sentence):
    path = copied / part
    shutil.rmtree(path) if path.is_dir() else path.unlink()

    assert sentence in Page(write_report(copied).read_text()).words()


@pytest.mark.parametrize("part", ["record.json", "metrics.csv", "plan.gpkg", "assessment/synthetic2018_single.json"])
def test_a_damaged_part_does_not_stop_the_rest(copied, part):
    (copied / part).write_text("\0 neither { this, nor that")

    words = Page(write_report(copied).read_text()).words()

    assert "synthetic2015" in words
    assert "Sampling plan" in words


def test_a_damaged_map_is_said(copied):
    (copied / "maps" / "synthetic2018_single.tif").write_text("no raster")

    assert "synthetic2018_single.tif: not a raster" in Page(write_report(copied).read_text()).words()


def test_an_empty_directory_and_none(tmp_path):
    words = Page(write_report(tmp_path).read_text()).words()

    for sentence in ("Nothing was assessed", "no sampling plan", "record of the environment is missing"):
        assert sentence in words
    with pytest.raises(LulcsegError, match="no such run directory"):
        write_report(tmp_path / "nowhere")


def test_maps_are_read_with_the_legend_they_carry(copied):
    """A scene without a legend is taken to have the paper's: its record names classes that the map has not."""
    record = json.loads((copied / "record.json").read_text())
    for entry in record["scenes"].values():
        entry["legend"] = [
            {"code": c, "name": f"Wrong {c}", "colour": "#010203"} for c in reversed([*LEGEND.codes, 5, 6])
        ]
    (copied / "record.json").write_text(json.dumps(record))
    before = write_report(copied).read_text()

    words = Page(before).words()

    assert "Wrong" not in words
    assert "&#34;Vines&#34;" in before.split("Legend and mapped area")[1].split("</table>")[0]
    with rasterio.open(copied / "maps" / "synthetic2018_single.tif") as data:
        codes = data.read(1)
    share = (codes == 50).sum() / (codes != 255).sum()
    table = before.split("Legend and mapped area")[1].split("</table>")[0]
    row = table.split("Water</td>")[1].split("</tr>")[0]
    assert float(re.findall(r'style="width:([0-9.]+)%"', row)[0]) == pytest.approx(100 * share, abs=0.006)


def test_two_maps_with_other_legends_share_one_table_by_name(copied):
    """The second map's codes are permuted and one class is new; its areas stay with the names."""
    path = copied / "maps" / "synthetic2018_multiple.tif"
    with rasterio.open(path, "r+") as data:
        codes = data.read(1)
        data.update_tags(
            LULCSEG_LEGEND=json.dumps(
                [
                    {"code": 90, "name": "Water", "colour": "#2266aa"},
                    {"code": 70, "name": "New", "colour": "#111111"},
                    {"code": 50, "name": "Other", "colour": "#c8c4b7"},
                    {"code": 30, "name": "<b>Cane</b>", "colour": "#8fce6a"},
                    {"code": 10, "name": '"Vines"', "colour": "#7b3fa0"},
                ]
            )
        )

    table = write_report(copied).read_text().split("Legend and mapped area")[1].split("</table>")[0]

    def shares(name):
        row = table.split(f"{name}</td>")[1].split("</tr>")[0]
        return [float(v) for v in re.findall(r'class="figure" data-value="([^"]+)"', row)]

    given = (codes != 255).sum()
    assert shares("Water")[1] == pytest.approx((codes == 90).sum() / given)
    assert shares("New") == [0, pytest.approx((codes == 70).sum() / given)]
    assert shares("Road &amp; &#39;rail&#39; {{ 7 * 7 }}")[1] == 0


def test_labels_in_other_colours_than_the_map_are_said(copied):
    sentence = "drawn in the scene's own colours"
    assert sentence not in Page(write_report(copied).read_text()).words()
    record = json.loads((copied / "record.json").read_text())
    record["scenes"]["synthetic2018"]["legend"][2]["colour"] = "#000001"
    (copied / "record.json").write_text(json.dumps(record))

    assert sentence in Page(write_report(copied).read_text()).words()


def test_a_map_without_a_carried_legend_takes_the_scenes(copied):
    path = copied / "maps" / "synthetic2018_single.tif"
    with rasterio.open(path) as data:
        codes, profile = data.read(1), data.profile
    with rasterio.open(path, "w", **profile) as data:
        data.write(codes, 1)

    assert "Map, single pass (ha)" in write_report(copied).read_text()


def test_only_assessments_of_the_run_are_shown(copied):
    stale = copied / "assessment" / "synthetic2015_labels.json"
    assert stale.exists()
    record = json.loads((copied / "record.json").read_text())
    record["assessments"] = ["assessment/synthetic2018_single", "assessment/gone_single"]
    (copied / "record.json").write_text(json.dumps(record))

    html = write_report(copied).read_text()

    assert html.count("<h3>Accuracy: ") == 1
    assert "gone_single" in Page(html).words()


def test_writing_twice_gives_the_same_page(copied):
    assert write_report(copied).read_bytes() == write_report(copied).read_bytes()


def test_maps_of_one_checkpoint_are_told_apart() -> None:
    from lulcseg.pictures.map_names import map_title

    titles = {
        "single": "Map, single pass",
        "multiple_mosaic": "Map, multiple pass, scaled over the mosaic",
        "multiple-hann-patch256": "Map, multiple pass (hann, patch256)",
        "own-3fa2b1_patch": "Map, passes of its own (3fa2b1), scaled over the patch",
        "crop": "Map, trimmed patches",
        "elsewhere": "Map",
        None: "Map",
    }
    assert {m: map_title(m) for m in titles} == titles
