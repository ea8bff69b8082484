"""How training patches take on the look of unlabelled mosaics (``exchange:``)."""

from __future__ import annotations

from dataclasses import dataclass

from lulcseg.settings.schema import setting


@dataclass
class ExchangeSettings:
    """How training patches take on the look of unlabelled mosaics (`scenes.unlabelled`), before all other changes."""

    p: float = setting(0.0, "Share of training patches that are changed; 0: none.", least=0.0, most=1.0)
    kind: str = setting(
        "histogram",
        "histogram: each band's values are matched to the unlabelled mosaic's; fourier: the amplitudes of low "
        "frequencies become those of one of its patches (Yang & Soatto 2020).",
        choices=("histogram", "fourier"),
    )
    most: float = setting(
        1.0, "Largest share of the changed patch in the result, drawn from 0 to here.", least=0.0, most=1.0
    )
    beta: float = setting(
        0.01,
        "fourier: the highest frequency exchanged, as a share of a patch's side: 0.01 of 512 pixels, five cycles a "
        "patch; 0: each band's mean alone.",
        least=0.0,
        most=0.5,
    )
