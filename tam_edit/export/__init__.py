"""What leaves the program beside video: masks that other tools read, pictures for people.

===============  =============================================================================
module           subject
===============  =============================================================================
``formats``      the table of formats, and writing one
``job``          what is exported, and what came of it
``target``       where it goes: what is refused, nothing unfinished
``pictures``     cut-outs and mattes as video and pictures
``coco``         COCO JSON
``ytvos``        YouTube-VIS JSON
``sidecar``      timelines and lists of frames by extension
``timeline``     the shot as an OpenTimelineIO timeline
``frame_list``   the list of frames
``inpaint``      bundles for inpainting models, and their results back into the video
``strip``        before and after on one picture
===============  =============================================================================
"""

from tam_edit.export.formats import EXPORT_FORMATS, ExportFormat, export, format_called
from tam_edit.export.inpaint import Recomposite, RecompositeReport, broken_rules, recomposite
from tam_edit.export.job import MATTE_FLAGS, ExportJob, ExportOptions, ExportReport, KnownMedia
from tam_edit.export.strip import write_strip

__all__ = [
    "EXPORT_FORMATS",
    "MATTE_FLAGS",
    "ExportFormat",
    "ExportJob",
    "ExportOptions",
    "ExportReport",
    "KnownMedia",
    "Recomposite",
    "RecompositeReport",
    "broken_rules",
    "export",
    "format_called",
    "recomposite",
    "write_strip",
]
