"""``lulcseg assess``: compare a map with reference points, polygons or another map."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from lulcseg.commands.parsers import RASTERS, Commands, add_command, as_file, as_path, as_target

if TYPE_CHECKING:
    from lulcseg.assessment.design_based import DesignRequest
    from lulcseg.change.change_record import ChangeRecord


def add(commands: Commands) -> None:
    """Add the command."""
    parser = add_command(commands, "assess", _run, help="compare a map with reference points, polygons or another map")
    parser.add_argument("map", help="class raster, or polygons (<file>|layername=<layer>, <file>|crs=<CRS>)")
    parser.add_argument("reference", help="points, polygons (as above) or class raster")
    parser.add_argument(
        "--column",
        help="class column of the reference (default: guessed); of a change both, as class_2015,class_2018",
    )
    parser.add_argument("--map-column", help="class column of the map, if it is polygons")
    parser.add_argument("--layer", help="layer of the reference, if its file has several with geometries")
    parser.add_argument("--map-layer", help="layer of the map, if it is polygons")
    parser.add_argument("--crs", help="CRS of the reference, if its file states none (CSV)")
    parser.add_argument("--map-crs", help="CRS of the map, if it is polygons of which the same holds")
    parser.add_argument("--legend", type=as_path, help="YAML file with a legend: list (default: the map's own)")
    parser.add_argument("--out", type=as_target, help="write <out>.json, <out>_points.csv and <out>_confusion.csv")
    parser.add_argument(
        "--design",
        choices=("simple-random", "stratified", "post-stratified", "unknown"),
        help="how the points were drawn (default: what a file written by `lulcseg reference` states, else unknown)",
    )
    parser.add_argument("--stratum", help="column that holds the points' stratum (default: stratum)")
    parser.add_argument("--strata-map", type=as_file, help="class raster whose classes were the strata")
    parser.add_argument(
        "--strata-sizes", type=as_path, help="CSV of the strata: stratum, hectares and, if known, pixels"
    )
    parser.add_argument(
        "--probabilities",
        type=as_file,
        help="the map's class probabilities, scored at reference points too (default: <map>_probabilities.tif if it is "
        "there)",
    )


def _run(arguments: argparse.Namespace) -> None:
    from lulcseg.assessment.assess_files import assess_files
    from lulcseg.assessment.console import print_assessment
    from lulcseg.assessment.console_design import print_design
    from lulcseg.assessment.console_reliability import print_reliability
    from lulcseg.assessment.design_based import DesignRequest
    from lulcseg.scene.file_names import locate_layer
    from lulcseg.scene.legend_spec import read_legend

    arguments.map, arguments.map_layer, arguments.map_crs = locate_layer(
        arguments.map, "the map", layer=arguments.map_layer, crs=arguments.map_crs
    )
    arguments.reference, arguments.layer, arguments.crs = locate_layer(
        arguments.reference, "the reference", layer=arguments.layer, crs=arguments.crs
    )
    request = (
        DesignRequest(
            None if arguments.design is None else arguments.design.replace("simple-random", "simple random"),
            arguments.strata_map,
            arguments.strata_sizes,
        )
        if arguments.design or arguments.strata_map or arguments.strata_sizes
        else None
    )
    record = _change_record(arguments)
    if arguments.out is not None:
        _check_out(arguments, of_change=record is not None)
    if record is not None:
        _assess_change(arguments, record, request)
        return
    legend = None if arguments.legend is None else read_legend(arguments.legend)
    result = assess_files(
        arguments.reference,
        arguments.map,
        reference_column=arguments.column,
        mapped_column=arguments.map_column,
        reference_layer=arguments.layer,
        mapped_layer=arguments.map_layer,
        reference_crs=arguments.crs,
        mapped_crs=arguments.map_crs,
        legend=legend,
        request=request,
        stratum_column=arguments.stratum,
        probabilities=arguments.probabilities,
    )
    print_assessment(result)
    print_design(result)
    print_reliability(result)
    if arguments.out is not None:
        result.save(arguments.out)


def _check_out(arguments: argparse.Namespace, *, of_change: bool) -> None:
    """Check that no file but those of an earlier assessment would be replaced."""
    from lulcseg.assessment.assessment import files_to_save
    from lulcseg.maps.output_guards import check_not_replaced

    given = ("map", "reference", "legend", "strata_map", "strata_sizes", "probabilities")
    targets = files_to_save(arguments.out, of_change=of_change)
    check_not_replaced(targets, [getattr(arguments, name) for name in given])


def _change_record(arguments: argparse.Namespace) -> ChangeRecord | None:
    """Return the record of a change map that is compared with points; None: it is another comparison."""
    from lulcseg.change.change_record import read_change

    if not isinstance(arguments.map, Path):  # elsewhere, where no change is
        return None
    rasters = [path.suffix.lower() in RASTERS for path in (arguments.map, arguments.reference)]
    return read_change(arguments.map) if rasters == [True, False] else None


def _assess_change(arguments: argparse.Namespace, record: ChangeRecord, request: DesignRequest | None) -> None:
    from lulcseg.change.assess_change import assess_change
    from lulcseg.change.console_change_area import print_change_assessment
    from lulcseg.errors import LulcsegError

    for option in ("legend", "probabilities", "map_column", "map_layer", "map_crs"):
        if getattr(arguments, option) is not None:
            raise LulcsegError(
                "doesn't apply to a change map, which holds its classes", where=f"--{option.replace('_', '-')}",
                remedy="leave it out",
            )  # fmt: skip
    result = assess_change(
        arguments.map,
        arguments.reference,
        record,
        columns=arguments.column,
        layer=arguments.layer,
        crs=arguments.crs,
        request=request,
        stratum_column=arguments.stratum,
    )
    print_change_assessment(result)
    if arguments.out is not None:
        result.save(arguments.out)
