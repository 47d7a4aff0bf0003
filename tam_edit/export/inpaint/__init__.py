"""Frames and masks for inpainting models, and their results back into the video.

==============  ================================================================
module          subject
==============  ================================================================
``document``    ``bundle.json``: what a bundle holds
``cover``       masks that rather cover too much, and do not flicker
``writing``     the bundle's folder
``rules``       what ProPainter, E2FGVI and LaMa expect of it
``comeback``    inpainted frames: only masked pixels that changed are taken over
==============  ================================================================
"""

from tam_edit.export.inpaint.comeback import Recomposite, RecompositeReport, recomposite
from tam_edit.export.inpaint.document import Bundle, read_bundle
from tam_edit.export.inpaint.rules import broken_rules
from tam_edit.export.inpaint.writing import is_part_of_bundle, write_bundle

__all__ = [
    "Bundle",
    "Recomposite",
    "RecompositeReport",
    "broken_rules",
    "is_part_of_bundle",
    "read_bundle",
    "recomposite",
    "write_bundle",
]
