"""What tracking works with: the size, the steps that run, and what happens at cuts."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal, TypeAlias, get_args

from tam_edit.errors import InputError

AtCuts: TypeAlias = Literal["ask", "reacquire", "ignore"]
AT_CUTS: tuple[AtCuts, ...] = get_args(AtCuts)


@dataclass(frozen=True, kw_only=True)
class LoopSettings:
    """What the loop does with each frame.

    Attributes:
        assesses: Whether masks are assessed by what can be seen from outside the model, too;
            otherwise its own score stands, and nothing is refined.
        refine_below: Masks with a lower score are handed to the segmenter, in [0, 1]; 0 refines
            none, None leaves it to the models (see ``Models.refine_below``).
        at_cuts: Where the picture changes to another shot: ``ask`` stops there until a person
            says where the object is, ``reacquire`` looks for it with what is known of it,
            ``ignore`` does not look for cuts at all.
    """

    assesses: bool = True
    refine_below: float | None = None
    at_cuts: AtCuts = "ask"

    def __post_init__(self) -> None:
        if self.refine_below is not None and not 0 <= self.refine_below <= 1:
            raise InputError(f"refine_below is {self.refine_below}, but must be between 0 and 1")
        if self.at_cuts not in AT_CUTS:
            raise InputError(
                f"at_cuts is {self.at_cuts!r}, but must be one of {', '.join(AT_CUTS)}"
            )

    def as_json(self) -> dict[str, Any]:
        """The settings as JSON values."""
        return asdict(self)


def tracking_size(width: int, height: int, short_side: int) -> tuple[int, int]:
    """The size at which a video is tracked: its own, or smaller with that short side.

    Args:
        width: Columns of the video as displayed.
        height: Rows of the video as displayed.
        short_side: Wanted pixels of the shorter side; a smaller video stays as it is.

    Returns:
        Columns and rows, at least 1 each.
    """
    if short_side < 1:
        raise InputError(f"the tracking size is {short_side}, but it must be at least 1 pixel")
    scale = min(1.0, short_side / min(width, height))
    return max(1, round(width * scale)), max(1, round(height * scale))
