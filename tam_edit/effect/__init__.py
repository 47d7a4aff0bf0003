"""What an effect is, and the only place where pixels are blended.

An effect says what a region should look like (:class:`Layer`); :func:`composite` puts it into the
frame's own planes. :func:`apply` is both, with the matte prepared as the effect wants it.

===========  ================================================================================
module       what it holds
===========  ================================================================================
``layer``    :class:`Layer`, :func:`composite`
``base``     :class:`Effect`, and the clip that it may look at
``showing``  the matte as an effect is to see it, and an effect shown on a frame
===========  ================================================================================
"""

from tam_edit.effect.base import EFFECTS, AssetReader, ClipInfo, ClipReader, Effect
from tam_edit.effect.layer import EDGES, Edge, Layer, composite
from tam_edit.effect.showing import (
    COARSE_FROM_PX,
    COVER_MARGIN_PX,
    COVER_THRESHOLD,
    Shown,
    apply,
    object_size_px,
    prepare_matte,
    shown_on,
)

__all__ = [
    "COARSE_FROM_PX",
    "COVER_MARGIN_PX",
    "COVER_THRESHOLD",
    "EDGES",
    "EFFECTS",
    "AssetReader",
    "ClipInfo",
    "ClipReader",
    "Edge",
    "Effect",
    "Layer",
    "Shown",
    "apply",
    "composite",
    "object_size_px",
    "prepare_matte",
    "shown_on",
]
