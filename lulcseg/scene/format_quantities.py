"""Quantities as text: shares, areas, counts with their noun."""

from __future__ import annotations

import math


def format_share(part: float, whole: float) -> str:
    """Return a share in per cent, with enough digits to distinguish a small one from zero.

    Args:
        part: The part.
        whole: The whole, in the same unit; 0 gives 0 %.

    Example:
        >>> format_share(1, 3), format_share(1, 1_000_000), format_share(0, 5)
        ('33.33 %', '0.0001 %', '0.00 %')
    """
    percent = round(100 * part / whole, 6) if whole else 0.0  # what rounding leaves of nothing is nothing
    return f"{percent:.2f} %" if percent == 0 or percent >= 0.01 else f"{percent:.2g} %"


def format_area(square_metres: float) -> str:
    """Return an area in hectares, a small one in square metres.

    Args:
        square_metres: The area, m².

    Example:
        >>> format_area(12_345_678), format_area(25_000), format_area(40)
        ('1,235 ha', '2.50 ha', '40.0 m²')
    """
    ha = square_metres / 10_000
    if 0 < ha < 0.01:
        return f"{square_metres:.1f} m²"
    return f"{ha:,.0f} ha" if ha >= 1000 else f"{ha:,.2f} ha"


def format_hectares(hectares: float) -> str:
    """Return hectares as a number, with enough digits to distinguish a small area from none.

    Args:
        hectares: The area, ha; less than a hundredth of a square metre is rounding, of any sign.

    Example:
        >>> format_hectares(1234.5), format_hectares(0.05), format_hectares(0.0025), format_hectares(-1e-17)
        ('1,234.50', '0.05', '0.0025', '0.00')
        >>> format_hectares(-0.01234), format_hectares(2.5e-5)
        ('-0.012', '0.000025')
    """
    size = abs(hectares)
    if size < 1e-6:
        return "0.00"
    text = f"{hectares:,.{max(2, math.ceil(-math.log10(size)) + 1)}f}"
    whole, _, digits = text.partition(".")
    return f"{whole}.{digits[:2]}{digits[2:].rstrip('0')}"


def format_count(count: int, one: str, many: str | None = None) -> str:
    """Return a count with its noun.

    Args:
        count: The count.
        one: The noun's singular.
        many: Its plural; None: the singular and an s.

    Example:
        >>> format_count(1, "image"), format_count(1200, "image"), format_count(2, "geometry", "geometries")
        ('1 image', '1,200 images', '2 geometries')
    """
    return f"{count:,} {one if count == 1 else many or one + 's'}"
