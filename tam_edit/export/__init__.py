"""What leaves the program beside video: masks that other tools read, pictures for people.

===============  =============================================================================
module           subject
===============  =============================================================================
``formats``      the table of formats, and writing one
``job``          what is exported, and what came of it
``target``       where it goes: what is refused, nothing unfinished
``rendered``     what is exported by rendering a recipe
``pictures``     cut-outs and mattes as video and pictures
``bundle``       frames and masks for inpainting models
``coco``         COCO JSON
``ytvos``        YouTube-VIS JSON
``sidecar``      timelines and lists of frames by extension
``timeline``     the shot as an OpenTimelineIO timeline
``frame_list``   the list of frames
``strip``        before and after on one picture
===============  =============================================================================
"""

from tam_edit.export.formats import EXPORT_FORMATS, ExportFormat, export, format_called
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
    "export",
    "format_called",
    "write_strip",
]
