"""How training patches take on the look of unlabelled mosaics (``exchange:``)."""

from __future__ import annotations

from dataclasses import dataclass

from lulcseg.settings.schema import setting

SHARE = 0.5
"""Share of training patches that are changed by default, where there are unlabelled mosaics."""


@dataclass
class ExchangeSettings:
    """How training patches take on the look of unlabelled mosaics (`scenes.unlabelled`), before all other changes."""

    p: float | None = setting(
        None,
        "Share of training patches that are changed, 0: none; null: 0.5 if `scenes.unlabelled` names any.",
        least=0.0,
        most=1.0,
    )
    kind: str = setting(
        "histogram",
        "histogram: each band's values are matched to the unlabelled mosaic's; fourier: the amplitudes of low "
        "frequencies become those of one of its patches (Yang & Soatto 2020).",
        choices=("histogram", "fourier"),
    )
    least: float = setting(
        1.0,
        "Smallest share of the changed patch in the result, which is blended with the patch as it was: drawn from here "
        "to 1.",
        least=0.0,
        most=1.0,
    )
    beta: float = setting(
        0.01,
        "fourier: the highest frequency exchanged, as a share of a patch's side: 0.01 of 512 pixels, five cycles a "
        "patch; 0: each band's mean alone.",
        least=0.0,
        most=0.5,
    )

    @property
    def share(self) -> float:
        """Share of training patches that are changed; :class:`~lulcseg.settings.config.TrainConfig` settles null."""
        return self.p or 0.0
