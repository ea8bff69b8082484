"""``lulcseg assess``: compare a map with reference points, polygons or another map."""

from __future__ import annotations

import argparse

from lulcseg.commands.parsers import Commands, add_command, as_file, as_path


def add(commands: Commands) -> None:
    """Add the command."""
    parser = add_command(commands, "assess", _run, help="compare a map with reference points, polygons or another map")
    parser.add_argument("map", type=as_file, help="class raster, or polygons")
    parser.add_argument("reference", type=as_file, help="points, polygons or class raster")
    parser.add_argument("--column", help="class column of the reference (default: guessed)")
    parser.add_argument("--map-column", help="class column of the map, if it is polygons")
    parser.add_argument("--layer", help="layer of the reference, if its file has several with geometries")
    parser.add_argument("--map-layer", help="layer of the map, if it is polygons")
    parser.add_argument("--crs", help="CRS of the reference, if its file states none (CSV)")
    parser.add_argument("--map-crs", help="CRS of the map, if it is polygons of which the same holds")
    parser.add_argument("--legend", type=as_path, help="YAML file with a legend: list (default: the map's own)")
    parser.add_argument("--out", type=as_path, help="write <out>.json, <out>_points.csv and <out>_confusion.csv")
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
    from lulcseg.scene.legend_spec import read_legend

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
        request=DesignRequest(
            None if arguments.design is None else arguments.design.replace("simple-random", "simple random"),
            arguments.strata_map,
            arguments.strata_sizes,
        )
        if arguments.design or arguments.strata_map or arguments.strata_sizes
        else None,
        stratum_column=arguments.stratum,
        probabilities=arguments.probabilities,
    )
    print_assessment(result)
    print_design(result)
    print_reliability(result)
    if arguments.out is not None:
        result.save(arguments.out)
