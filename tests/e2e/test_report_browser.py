"""The report in a real browser: no console errors, the swipe moves, the tables sort."""

from __future__ import annotations

import json
import re
from urllib.parse import unquote

import pytest

from lulcseg.report.run.run_page import write_report
from tests.support.browser import BROWSER, browse
from tests.support.runs import write_run

pytestmark = [
    pytest.mark.skipif(BROWSER is None, reason="Chromium is not installed (apt-get install chromium)"),
    pytest.mark.slow,
]

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
