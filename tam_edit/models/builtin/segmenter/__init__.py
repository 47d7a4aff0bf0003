"""The built-in segmenter: clicks are answered with regions of superpixels."""

from tam_edit.models.builtin.segmenter.segmenter import BuiltinSegmenter

__all__ = ["BuiltinSegmenter"]
