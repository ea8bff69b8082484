"""The report in a real browser: no console errors, the swipe moves, the tables sort."""

from __future__ import annotations

import json
import re
from urllib.parse import unquote

import pytest

from lulcseg.report.run.run_page import write_report
from tests.support.adapted_run import write_adapted_run
from tests.support.browser import BROWSER, browse
from tests.support.runs import write_run

pytestmark = pytest.mark.skipif(BROWSER is None, reason="Chromium is not installed (apt-get install chromium)")

# Plays the reader's part inside the page and leaves what came of it in an attribute.
EXERCISE = """
<script>
const out = {};
const stage = document.querySelector(".stage");
const swipe = stage.querySelector(".swipe");
const right = () => stage.querySelector(".layer.right").dataset.layer;
const clip = () => getComputedStyle(stage.querySelector(".layer.right")).clipPath;
out.start = [clip(), right(), stage.querySelector(".layer.left").dataset.layer];
swipe.focus();
out.focused = document.activeElement === swipe;
swipe.value = 20;
swipe.dispatchEvent(new Event("input"));
out.moved = clip();
const pick = document.querySelector('select[data-side="right"]');
pick.value = "labels";
pick.dispatchEvent(new Event("change"));
out.picked = right();
const layers = [...stage.querySelectorAll(".layer")];
const visible = () => layers.filter((layer) => getComputedStyle(layer).display !== "none").length;
out.swiping = visible();
document.querySelector('button[data-mode="beside"]').click();
out.beside = visible();
const images = [...document.images];
out.images = [images.length, images.filter((i) => i.complete && i.naturalWidth > 0).length];
const table = document.querySelector("details[open] table.sortable");
const column = (n) => [...table.tBodies[0].rows].map((r) => r.cells[n].dataset.value ?? r.cells[n].textContent.trim());
const press = (n) => { table.tHead.rows[0].cells[n].querySelector("button").click(); return column(n); };
out.numbers = [press(1), press(1), table.tHead.rows[0].cells[1].getAttribute("aria-sort")];
out.names = press(0);
document.documentElement.dataset.out = encodeURIComponent(JSON.stringify(out));
</script>
</body>
"""

POINTS = """
<script>
const figure = document.querySelectorAll(".points")[3];
const paths = (kind) => [...figure.querySelectorAll(`.photo .${kind} .mark path`)];
const visible = (kind) => paths(kind).filter((path) => path.getClientRects().length > 0).length;
const look = (kind, part) => getComputedStyle(figure.querySelector(`.photo .${kind} .${part}`));
const out = { all: [visible("right"), paths("right").length, visible("wrong"), paths("wrong").length] };
out.shapes = [look("right", "mark").strokeLinecap, look("wrong", "mark").strokeLinecap];
out.titles = paths("wrong").map((path) => path.querySelector("title").textContent);
const photo = figure.querySelector(".photo use").getBoundingClientRect();
out.photo = [photo.width > 300, Math.round(100 * photo.width / photo.height)];
figure.querySelector(".show-right").click();
out.wrongOnly = [visible("right"), visible("wrong")];
out.beside = [...document.querySelectorAll("#transfer-1 .abreast")].map((pair) => {
  const [one, other] = [...pair.children].map((child) => child.getBoundingClientRect());
  return one.top === other.top && one.right < other.left;
});
const plots = [...document.querySelectorAll("#transfer-1 .bands .plot")];
out.bands = plots.map((plot) => plot.getBoundingClientRect().width > 250);
out.inside = document.documentElement.scrollWidth <= innerWidth;
document.documentElement.dataset.out = encodeURIComponent(JSON.stringify(out));
</script>
</body>
"""


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    return write_report(write_run(tmp_path_factory.mktemp("run") / "demo", size=(120, 160), n_points=300))


def test_the_page_runs_without_a_complaint(report, tmp_path):
    dom, console = browse(report, tmp_path / "profile")

    assert console == []
    assert re.search(r'<html[^>]*data-viewers="2"', dom)
    assert 'class="viewer swiping"' in dom


def test_the_swipe_moves_and_the_tables_sort(report, tmp_path):
    page = tmp_path / "page.html"
    page.write_text(report.read_text(encoding="utf-8").replace("</body>", EXERCISE), encoding="utf-8")

    dom, console = browse(page, tmp_path / "profile")

    assert console == []
    found = re.search(r'data-out="([^"]*)"', dom)
    assert found, "the exercise did not run to its end"
    out = json.loads(unquote(found[1]))
    assert out["start"] == ["inset(0px 0px 0px 50%)", "map-multiple", "imagery"]
    assert out["focused"]
    assert out["moved"] == "inset(0px 0px 0px 20%)"
    assert out["picked"] == "labels"
    assert (out["swiping"], out["beside"]) == (2, 4)
    assert out["images"][0] == out["images"][1] == 9
    descending, ascending, order = out["numbers"]
    numbers = [int(v) for v in ascending]
    assert numbers == sorted(numbers)
    assert [int(v) for v in descending] == sorted(numbers, reverse=True)
    assert order == "ascending"
    assert len(out["names"]) == 9
    assert out["names"] == sorted(out["names"], key=str.casefold)


@pytest.mark.parametrize("width", [1400, 600])
def test_points_and_the_other_scene_are_drawn(tmp_path, width):
    run = write_adapted_run(tmp_path / "run")
    page = tmp_path / "page.html"
    page.write_text(write_report(run).read_text(encoding="utf-8").replace("</body>", POINTS), encoding="utf-8")

    dom, console = browse(page, tmp_path / "profile", f"--window-size={width},1000")

    assert console == []
    found = re.search(r'data-out="([^"]*)"', dom)
    assert found, "the script did not run to its end"
    out = json.loads(unquote(found[1]))
    right, of_right, wrong, of_wrong = out["all"]
    assert right == of_right > 3
    assert wrong == of_wrong > 2
    assert out["shapes"] == ["round", "square"]
    assert all(re.fullmatch(r"Reference .+, map .+: wrong, \d+ points?", title) for title in out["titles"])
    assert out["photo"] == [True, 133]
    assert out["wrongOnly"] == [0, of_wrong]
    assert out["beside"] == [True, True]
    assert out["bands"] == [True] * 3
    assert out["inside"]
