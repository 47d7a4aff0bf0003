"""The built-in segmenter: a small network answers clicks, boxes and masks."""

from tam_edit.models.builtin.segmenter.segmenter import BuiltinSegmenter

__all__ = ["BuiltinSegmenter"]
