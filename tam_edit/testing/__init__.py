"""Contract checks and drawn clips, for our tests and for plug-in authors."""

from tam_edit.testing.contracts import check_effect

__all__ = ["check_effect"]
