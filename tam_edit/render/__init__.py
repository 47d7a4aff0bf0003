"""Masks and a recipe in, finished files out, in one pass over the video.

=============  ==============================================================================
module         what it holds
=============  ==============================================================================
``job``        what a render is told
``plan``       a recipe's places as frames and times of one video
``targets``    where outputs go
``mattes``     where objects are after the recipe's matte steps
``place``      where effects act, and what covers hide
``chain``      the frames with every effect
``rendering``  the pass over the video
``verify``     what was written against its source
``luma``       brightness that can be compared
``palette``    masks as palette PNGs, as DAVIS has them
``ledger``     what earlier runs finished
``report``     what is told of it all
=============  ==============================================================================
"""

from tam_edit.render.job import RenderJob, check_tracked, objects_of, said_in
from tam_edit.render.ledger import Ledger, digest_of
from tam_edit.render.outputs import EXR_PIXEL_FORMAT
from tam_edit.render.palette import (
    PaletteFolder,
    check_mask_folder,
    voc_palette,
    write_palette_masks,
)
from tam_edit.render.place import Covers
from tam_edit.render.plan import RenderPlan, check_recipe
from tam_edit.render.rendering import check_outputs, render
from tam_edit.render.report import Coverage, OutputReport, RenderReport, Verified, Worst
from tam_edit.render.targets import VIDEO_EXTENSIONS

__all__ = [
    "EXR_PIXEL_FORMAT",
    "VIDEO_EXTENSIONS",
    "Coverage",
    "Covers",
    "Ledger",
    "OutputReport",
    "PaletteFolder",
    "RenderJob",
    "RenderPlan",
    "RenderReport",
    "Verified",
    "Worst",
    "check_mask_folder",
    "check_outputs",
    "check_recipe",
    "check_tracked",
    "digest_of",
    "objects_of",
    "render",
    "said_in",
    "voc_palette",
    "write_palette_masks",
]
