"""The page of a trial in a real browser: it runs clean, swipes, sorts, saves its tables, changes its colours."""

from __future__ import annotations

import json
import re
from urllib.parse import unquote

import pytest

from lulcseg.report.trial.trial_page import write_trial_report
from tests.support.browser import BROWSER, browse
from tests.support.trial_pages import LEGEND, NASTY, write_trial

pytestmark = pytest.mark.skipif(BROWSER is None, reason="Chromium is not installed (apt-get install chromium)")

# Plays the reader's part inside the page and leaves what came of it in an attribute.
EXERCISE = """
<script>
(async () => {
const out = {};
const loaded = (image) => image.decode().then(() => true, () => false);
out.images = await Promise.all([...document.images].map(loaded));

const stage = document.querySelector(".stage");
const swipe = stage.querySelector(".swipe");
const clip = () => getComputedStyle(stage.querySelector(".layer.right")).clipPath;
swipe.focus();
swipe.value = 20;
swipe.dispatchEvent(new Event("input"));
out.moved = clip();
const viewer = stage.closest(".viewer");
out.layers = [...viewer.querySelectorAll('select[data-side="right"] option')].map((o) => o.textContent);

const table = document.querySelector("table.six");
const press = (n) => {
  table.tHead.rows[0].cells[n].querySelector("button").click();
  return [...[...table.tBodies].at(-1).rows].map((r) => r.cells[0].dataset.value);
};
const [head, top] = [table.tHead.rows[0].cells[0], table.tBodies[0].rows[0].cells[0]];
out.sorted = [press(0), press(0), head.getAttribute("aria-sort"), top.textContent];

const blobs = [];
const made = URL.createObjectURL;
URL.createObjectURL = (blob) => { blobs.push(blob); return made.call(URL, blob); };
const saved = [];
HTMLAnchorElement.prototype.click = function () { saved.push(this.download); };
for (const button of document.querySelectorAll('[data-export="scene-1"]')) button.click();
out.saved = saved;
out.texts = await Promise.all(blobs.map((blob) => blob.text()));

const pixel = async (image) => {
  await image.decode();
  const canvas = new OffscreenCanvas(image.naturalWidth, image.naturalHeight);
  const context = canvas.getContext("2d");
  context.drawImage(image, 0, 0);
  const all = context.getImageData(0, 0, canvas.width, canvas.height).data;
  const colours = new Set();
  for (let i = 0; i < all.length; i += 4) if (all[i + 3]) colours.add(`${all[i]},${all[i + 1]},${all[i + 2]}`);
  return [...colours].sort();
};
const picture = viewer.querySelector('[data-layer="map-0"] img');
const swatch = () => getComputedStyle(document.querySelector(".key .swatch")).backgroundColor;
out.own = [await pixel(picture), swatch()];
document.querySelector('button[data-palette="safe"]').click();
out.safe = [await pixel(picture), swatch()];
const key = document.querySelectorAll(".key button")[2];
key.click();
out.alone = [await pixel(picture), key.getAttribute("aria-pressed")];
key.click();
document.querySelector('button[data-palette="own"]').click();
out.back = await pixel(picture);

const pick = document.querySelector("[data-matrix]");
const rows = [...document.querySelector(".matrix tbody").rows];
const cells = () => rows.map((row) => [...row.cells].slice(1, -1).map((cell) => cell.textContent));
pick.value = "1";
pick.dispatchEvent(new Event("change"));
out.matrix = cells();
out.matrixTitle = document.querySelector("[data-matrix-title]").textContent;
const confusions = JSON.parse(document.getElementById("trial-data").textContent).confusions["scene-1"];
out.wanted = confusions[1].cells;

out.focusable = [...document.querySelectorAll("button, select, input, summary, a[href]")].every((e) => e.tabIndex >= 0);
out.named = [...document.querySelectorAll(".key button")].map((b) => b.textContent.trim());
out.wide = document.documentElement.scrollWidth <= window.innerWidth;
document.documentElement.dataset.out = encodeURIComponent(JSON.stringify(out));
})();
</script>
</body>
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    values = (("batch10", 10), ("batch50", 50), ("batch100", 100))
    folder = write_trial(tmp_path_factory.mktemp("runs") / "batch_size", values, (0, 1), legend=LEGEND, size=(60, 80))
    write_trial_report(folder)
    return folder


@pytest.fixture(scope="module")
def played(folder, tmp_path_factory):
    page = folder / "played.html"
    page.write_text((folder / "report.html").read_text(encoding="utf-8").replace("</body>", EXERCISE), encoding="utf-8")
    dom, console = browse(page, tmp_path_factory.mktemp("browser") / "profile", "--virtual-time-budget=20000")
    assert console == []
    found = re.search(r'data-out="([^"]*)"', dom)
    assert found, "the exercise did not run to its end"
    return json.loads(unquote(found[1]))


def test_pictures_load_and_the_swipe_moves(played):
    assert all(played["images"])
    assert played["moved"] == "inset(0px 0px 0px 20%)"
    assert played["layers"][:3] == ["Imagery", "Digitised labels", "batch10, seed 0"]
    assert played["wide"]


def test_tables_sort_and_the_polygons_stay_first(played):
    ascending, descending, order, first = played["sorted"]
    assert ascending == sorted(ascending)
    assert descending == ascending[::-1]
    assert order == "descending"
    assert first == "Digitised polygons"


def test_saved_tables_are_the_files(played, folder):
    assert [name.rsplit(".", 1)[1] for name in played["saved"]] == ["csv", "tex", "md"]
    for name, text in zip(played["saved"], played["texts"], strict=True):
        assert text == (folder / "tables" / name).read_text(encoding="utf-8")


def test_colours_change_and_come_back(played):
    own = {",".join(str(int(c.colour[i : i + 2], 16)) for i in (1, 3, 5)) for c in LEGEND}
    assert set(played["own"][0]) == own
    assert played["own"][1] == "rgb(143, 206, 106)"
    assert set(played["safe"][0]).isdisjoint(own)
    assert len(played["safe"][0]) == len(own)
    assert played["safe"][1] == "rgb(204, 102, 119)"
    assert played["back"] == played["own"][0]


def test_a_class_is_seen_alone(played):
    colours, pressed = played["alone"]
    assert pressed == "true"
    assert len(set(colours) & set(played["safe"][0])) == 1


def test_another_matrix_is_shown(played):
    shown = [[0 if text == "·" else float(text.replace(",", "")) for text in row] for row in played["matrix"]]
    assert shown == played["wanted"]
    assert played["matrixTitle"] == "batch10, seed 0"


def test_it_is_for_the_keyboard_and_names_are_text(played):
    assert played["focusable"]
    assert played["named"][0] == NASTY
