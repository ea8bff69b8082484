"""How pages are put together from their templates, and how figures are written in them."""

from __future__ import annotations

import jinja2

from lulcseg.assessment.scores import format_score


def environment() -> jinja2.Environment:
    """Return the templates, which escape what is put into them, with the filters they use."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("lulcseg.report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["score"] = format_score
    environment.filters["count"] = lambda value: f"{value:,}"
    environment.filters["hectares"] = _hectares
    environment.filters["share"] = lambda value: f"{100 * value:.2f} %"
    return environment


def duration(seconds: float) -> str:
    """Write a time for people."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"


def _hectares(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:,.0f}" if value >= 100 else f"{value:.2f}" if value >= 0.01 or value == 0 else f"{value:.1g}"
