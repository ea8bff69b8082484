"""Plans as data: files and digests."""

import json
from dataclasses import asdict, replace
from types import SimpleNamespace

import geopandas as gpd
import pytest

from lulcseg.errors import LulcsegError
from lulcseg.grid import Grid
from lulcseg.sampling.plan import Plan
from tests.support.plans import BERRY, GRID, WEST, FakeScene, stratified


class TestPlan:
    scene = FakeScene(features=[*WEST, BERRY])

    def test_round_trip(self, tmp_path):
        plan = stratified(self.scene, validation=(0.2, 100))
        plan.save(tmp_path / "plan.gpkg")
        again = Plan.load(tmp_path / "plan.gpkg")
        assert again.rows.equals(plan.rows)
        assert again.rows.dtypes.equals(plan.rows.dtypes)
        assert again.meta == plan.meta
        assert again.digest() == plan.digest()
        assert again.rows.crs == "EPSG:28355"
        assert again.grid("here") == GRID
        assert sorted(p.name for p in tmp_path.iterdir()) == ["plan.gpkg", "plan.json"]

    def test_scenes_of_different_crs_get_a_layer_each(self, tmp_path):
        west = replace(self.scene, name="west", grid=replace(GRID, crs="EPSG:28354"))
        plan = stratified(self.scene, west)
        shuffled = Plan(plan.rows.sample(frac=1, random_state=0).reset_index(drop=True), plan.meta)
        shuffled.save(tmp_path / "plan.gpkg")
        assert set(gpd.list_layers(tmp_path / "plan.gpkg")["name"]) == {"here", "west"}
        again = Plan.load(tmp_path / "plan.gpkg")
        assert again.digest() == shuffled.digest()
        assert again.rows.equals(shuffled.rows)
        assert again.rows.crs is None
        assert again.of("west").crs == "EPSG:28354"
        assert again.of("here").crs == "EPSG:28355"

    def test_draw_over_two_crs(self):
        west = replace(self.scene, name="west", grid=replace(GRID, crs="EPSG:28354"))
        plan = stratified(self.scene, west, validation=(0.2, 100))
        assert len(plan.of("west")) + len(plan.of("here")) == len(plan)

    def test_digest_covers_what_the_plan_says(self):
        plan = stratified(self.scene, validation=(0.2, 100))
        rows, meta = plan.rows, plan.meta
        moved = Grid(**meta["scenes"]["here"] | {"left": GRID.left + 0.25})
        changes = [rows.assign(**{c: rows[c] + 1}) for c in ("row", "col", "size", "class_index", "feature")]
        changes += [rows.iloc[::-1].reset_index(drop=True), rows.iloc[1:], rows.assign(split="train")]
        changes.append(rows.set_geometry(rows.geometry.translate(1e-6)))
        digests = {plan.digest(), *(Plan(r, meta).digest() for r in changes)}
        digests.add(Plan(rows, meta | {"legend": ["Other", "Berry", "Cane"]}).digest())
        digests.add(Plan(rows, meta | {"scenes": {"here": asdict(moved)}}).digest())
        assert len(digests) == len(changes) + 3
        assert Plan(rows.copy(), json.loads(json.dumps(meta))).digest() == plan.digest()

    def test_an_unknown_scene_is_named(self):
        with pytest.raises(LulcsegError, match="'elsewhere'; it was drawn over: here"):
            stratified(self.scene).of("elsewhere")

    def test_bad_files(self, tmp_path):
        plan = stratified(self.scene)
        path = tmp_path / "plan.gpkg"
        with pytest.raises(LulcsegError, match="no such file"):
            Plan.load(path)
        with pytest.raises(LulcsegError, match=r"give it a name that ends in \.gpkg"):
            plan.save(tmp_path / "plan.shp")
        with pytest.raises(LulcsegError, match="could not be written"):
            plan.save(tmp_path / "nowhere" / "plan.gpkg")
        plan.save(path)
        other = tmp_path / "other.gpkg"
        stratified(self.scene, seed=5).save(other)
        other.replace(path)
        with pytest.raises(LulcsegError, match=r"differs from what plan\.json says"):
            Plan.load(path)
        path.write_bytes(b"no package")
        with pytest.raises(LulcsegError, match=r"plan\.gpkg: this is not a GeoPackage; draw the plan again\.$"):
            Plan.load(path)
        with pytest.raises(LulcsegError, match=r"plan\.json: a plan is read from its GeoPackage; give the file that"):
            Plan.load(path.with_suffix(".json"))
        self.scene.polygons().to_file(path, layer="plan")
        with pytest.raises(LulcsegError, match="not a plan: it lacks col, row"):
            Plan.load(path)
        path.with_suffix(".json").write_text("[]")
        with pytest.raises(LulcsegError, match="not the summary"):
            Plan.load(path)

    def test_a_failed_save_leaves_the_old_plan(self, tmp_path, monkeypatch):
        path = tmp_path / "plan.gpkg"
        plan = stratified(self.scene)
        plan.save(path)

        def broken(*args, **kwargs):
            raise OSError("disk full")

        monkeypatch.setattr("lulcseg.sampling.plan_file.json", SimpleNamespace(dumps=broken))
        with pytest.raises(LulcsegError, match="disk full"):
            stratified(self.scene, seed=9).save(path)
        monkeypatch.undo()
        assert Plan.load(path).digest() == plan.digest()
        assert len(list(tmp_path.iterdir())) == 2
