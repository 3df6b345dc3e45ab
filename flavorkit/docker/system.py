"""Packages of the operating system that a flavor needs in an image."""

from __future__ import annotations

from collections.abc import Iterable

JAVA = "default-jre-headless"

# Of Debian and Ubuntu. LightGBM's wheels link the OpenMP runtime of the system; those of
# scikit-learn, XGBoost and CatBoost bring their own.
PACKAGES: dict[str, tuple[str, ...]] = {
    "crate": ("r-base-core",),
    "h2o": (JAVA,),
    "lightgbm": ("libgomp1",),
    "spark": (JAVA,),
}


def packages_of(flavors: Iterable[str]) -> tuple[str, ...]:
    """What these flavors need, each once and in the order of the alphabet."""
    return tuple(sorted({name for flavor in flavors for name in PACKAGES.get(flavor, ())}))
