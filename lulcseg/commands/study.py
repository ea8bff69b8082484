"""``lulcseg study``: scenes that a study's trials need."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any


def add(commands: Any) -> None:
    """Add the command to ``lulcseg``'s."""
    study = commands.add_parser("study", help="several trials read together (docs/study.md)")
    actions = study.add_subparsers(title="actions", required=True, metavar="action")

    ground = actions.add_parser("ground", help="write a scene of the ground that a plan covers")
    ground.add_argument("scene", help="name or path of the scene that the plan is of")
    ground.add_argument("plan", type=Path, help="plan.gpkg of a run, such as a grid's")
    ground.add_argument("out", type=Path, help="scene file to write, .yaml")
    ground.add_argument("--cache", type=Path, help="folder for label rasters and synthetic scenes")
    ground.set_defaults(run=_ground)

    classes = actions.add_parser("class", help="write a scene in which one class stands against all others")
    classes.add_argument("scene", help="name or path of the scene")
    classes.add_argument("land_class", metavar="class", help="name of the class")
    classes.add_argument("out", type=Path, help="scene file to write, .yaml")
    classes.add_argument("--cache", type=Path, help="folder for label rasters and synthetic scenes")
    classes.set_defaults(run=_class)


def _ground(arguments: argparse.Namespace) -> None:
    from lulcseg.sampling.plan import Plan
    from lulcseg.scene.scene import Scene
    from lulcseg.study.scenes import ground_scene

    scene = Scene.open(arguments.scene, arguments.cache)
    sys.stdout.write(f"{ground_scene(scene, Plan.load(arguments.plan), arguments.out)}\n")


def _class(arguments: argparse.Namespace) -> None:
    from lulcseg.scene.scene import Scene
    from lulcseg.study.scenes import class_scene

    scene = Scene.open(arguments.scene, arguments.cache)
    sys.stdout.write(f"{class_scene(scene, arguments.land_class, arguments.out)}\n")
