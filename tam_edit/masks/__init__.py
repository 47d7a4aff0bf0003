"""Mask tools, measures and codecs."""
