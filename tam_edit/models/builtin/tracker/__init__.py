"""The built-in propagator: optical flow and a classifier that learns from the video itself."""

from tam_edit.models.builtin.tracker.propagator import BuiltinPropagator

__all__ = ["BuiltinPropagator"]
