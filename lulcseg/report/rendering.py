"""The templates of the pages, and how quantities are formatted in them."""

from __future__ import annotations

import jinja2

from lulcseg.assessment.scores import format_score
from lulcseg.scene.format_quantities import format_hectares


def load_templates() -> jinja2.Environment:
    """Return the templates, which escape everything inserted into them, with their filters."""
    templates = jinja2.Environment(
        loader=jinja2.PackageLoader("lulcseg.report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters["score"] = format_score
    templates.filters["count"] = lambda value: f"{value:,}"
    templates.filters["hectares"] = shown_hectares
    templates.filters["share"] = lambda value: f"{100 * value:.2f} %"
    return templates


def format_duration(seconds: float) -> str:
    """Return a duration as text.

    Example:
        >>> format_duration(42), format_duration(600), format_duration(9000)
        ('42 s', '10 min', '2.5 h')
    """
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"


def shown_hectares(value: float | None) -> str:
    """Return an area as text; – if unknown.

    Example:
        >>> shown_hectares(1234.5), shown_hectares(12.345), shown_hectares(0.0004), shown_hectares(None)
        ('1,234', '12.35', '0.0004', '–')
    """
    if value is None:
        return "–"
    return f"{value:,.0f}" if abs(value) >= 100 else format_hectares(value)
