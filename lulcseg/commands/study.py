"""``lulcseg study``: derived scenes, raw results, tables and figures of a study of several trials."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from lulcseg.commands.parsers import Commands, add_actions, add_cache, add_command, as_path, as_target


def add(commands: Commands) -> None:
    """Add the command."""
    actions = add_actions(commands, "study", help="evaluate several trials together (docs/study.md)")

    ground = add_command(actions, "ground", _ground, help="write a scene of the ground that a plan covers")
    ground.add_argument("scene", help="name or path of the plan's scene")
    ground.add_argument("plan", type=as_path, help="plan.gpkg of a run, such as a grid's")
    ground.add_argument("out", type=as_target, help="scene file to write, .yaml")
    add_cache(ground)

    classes = add_command(actions, "class", _class, help="write a scene of one class against all others")
    classes.add_argument("scene", help="name or path of the scene")
    classes.add_argument("land_class", metavar="class", help="name of the class")
    classes.add_argument("out", type=as_target, help="scene file to write, .yaml")
    classes.add_argument("--rest", help="name of the class that the others are merged into (default: Other)")
    add_cache(classes)

    results = add_command(actions, "results", _results, help="score all runs by ground, at points and at every pixel")
    results.add_argument("trials", type=as_path, nargs="+", metavar="trial", help="folder of a trial: runs/<trial>")
    results.add_argument("--out", type=as_target, required=True, help="folder for results.csv and classes.csv.gz")
    add_cache(results)
    results.add_argument(
        "--labels", nargs="*", default=[], metavar="scene", help="scenes whose polygons are scored too"
    )
    results.add_argument(
        "--untouched", default="_other", help="ending of the names of scenes never trained on (default: %(default)s)"
    )
    results.add_argument(
        "--keep", action="store_true", help="keep the rows of other runs that the tables in --out hold already"
    )

    tables = add_command(actions, "tables", _tables, help="write effects, tables and figures from the raw results")
    tables.add_argument("folder", type=as_path, help="holds results.csv, classes.csv.gz and questions.yaml")

    claims = add_command(
        actions, "claims", _claims, help="check the tags of texts against the effects: size and verdict"
    )
    claims.add_argument("texts", type=as_path, nargs="+", metavar="text", help=r"Markdown with tags: [A1.held −0.39\*]")
    claims.add_argument("effects", type=as_path, help="effects.csv")

    samples = add_command(
        actions, "samples", _samples, help="simulate reference samples from a map and its truth: errors of their scores"
    )
    samples.add_argument("run_dir", type=as_path, metavar="run", help="run directory that holds the map")
    samples.add_argument("scene", help="name or path of the map's scene")
    samples.add_argument("--out", type=as_target, required=True, help="folder for samples_*.csv and samples_*.png")
    add_cache(samples)


def _ground(arguments: argparse.Namespace) -> None:
    from lulcseg.sampling.reused_plan import reuse_plan
    from lulcseg.scene.scene import Scene
    from lulcseg.study.derived_scenes import write_ground_scene

    scene = Scene.open(arguments.scene, arguments.cache)
    plan = reuse_plan(arguments.plan, [scene])
    sys.stdout.write(f"{write_ground_scene(scene, plan, arguments.out, [Path(arguments.scene), arguments.plan])}\n")


def _class(arguments: argparse.Namespace) -> None:
    from lulcseg.scene.scene import Scene
    from lulcseg.study.derived_scenes import REST, write_class_scene

    scene = Scene.open(arguments.scene, arguments.cache)
    rest, read = arguments.rest or REST, [Path(arguments.scene)]
    sys.stdout.write(f"{write_class_scene(scene, arguments.land_class, arguments.out, rest, read)}\n")


def _results(arguments: argparse.Namespace) -> None:
    from lulcseg.study.write_study import write_results
    from lulcseg.trials.trial_reader import read_trial

    trials = [read_trial(folder) for folder in arguments.trials]
    for trial in trials:
        for note in trial.notes:
            sys.stdout.write(f"{trial.name}: {note}\n")
    write_results(trials, arguments.out, arguments.cache, arguments.untouched, arguments.labels, keep=arguments.keep)
    sys.stdout.write(f"{arguments.out / 'results.csv'}\n{arguments.out / 'classes.csv.gz'}\n")


def _tables(arguments: argparse.Namespace) -> None:
    from lulcseg.study.write_study import write_document

    for path in write_document(arguments.folder):
        sys.stdout.write(f"{path}\n")


def _claims(arguments: argparse.Namespace) -> None:
    from lulcseg.study.claims import check_files

    number = check_files(arguments.texts, arguments.effects)
    sys.stdout.write(f"{number} claims, each borne out by its row\n")


def _samples(arguments: argparse.Namespace) -> None:
    from lulcseg.study.write_samples import write_samples

    for path in write_samples(arguments.run_dir, arguments.scene, arguments.out, arguments.cache):
        sys.stdout.write(f"{path}\n")
