"""What leaves the program beside video: masks that other tools read, pictures for people."""

from tam_edit.export.palette import (
    PaletteFolder,
    check_mask_folder,
    voc_palette,
    write_palette_masks,
)
from tam_edit.export.strip import write_strip

__all__ = [
    "PaletteFolder",
    "check_mask_folder",
    "voc_palette",
    "write_palette_masks",
    "write_strip",
]
