"""Frames and masks for inpainting models, and their results back into the video.

==============  ================================================================
module          subject
==============  ================================================================
``document``    ``bundle.json``: what a bundle holds
``cover``       masks that rather cover too much, and do not flicker
``folder``      the bundle's folder
``rules``       what ProPainter, E2FGVI and LaMa expect of it
``comeback``    inpainted frames: only masked pixels that changed are taken over
==============  ================================================================
"""

from tam_edit.inpaint.comeback import Recomposite, RecompositeReport, recomposite
from tam_edit.inpaint.cover import CoverMasks, frames_around
from tam_edit.inpaint.document import BUNDLE_FILE, Bundle, read_bundle
from tam_edit.inpaint.folder import BundleFacts, BundleFolder, check_bundle_folder
from tam_edit.inpaint.rules import broken_rules

__all__ = [
    "BUNDLE_FILE",
    "Bundle",
    "BundleFacts",
    "BundleFolder",
    "CoverMasks",
    "Recomposite",
    "RecompositeReport",
    "broken_rules",
    "check_bundle_folder",
    "frames_around",
    "read_bundle",
    "recomposite",
]
