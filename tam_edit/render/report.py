"""What a render wrote, in numbers that a person and a script can read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tam_edit.recipe import OutputKind
from tam_edit.tracks import spans_of


@dataclass(frozen=True, kw_only=True)
class Worst:
    """The worst of all frames that were measured.

    Attributes:
        value: What was measured on it.
        frame: Which one of the source it is.
        frames_measured: How many were.
    """

    value: float
    frame: int
    frames_measured: int

    def as_json(self) -> dict[str, float]:
        """As values for JSON."""
        return {
            "worst": round(self.value, 4),
            "frame": self.frame,
            "frames_measured": self.frames_measured,
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Worst:
        """What ``as_json`` gave."""
        return cls(
            value=values["worst"], frame=values["frame"], frames_measured=values["frames_measured"]
        )


@dataclass(frozen=True, kw_only=True)
class Verified:
    """What came of comparing a written picture with its source.

    Attributes:
        frame_count: Frames that were decoded.
        outside_psnr_db: How alike they are where no effect acted, at most 100; None where no frame
            has enough of that.
        inside_correlation: How much of the source shows through a cover; None where no cover is
            large enough.
        bare_frames: Frames of the source on which nothing is covered, ascending.
    """

    frame_count: int
    outside_psnr_db: Worst | None
    inside_correlation: Worst | None
    bare_frames: tuple[int, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """As values for JSON."""
        psnr, correlation = self.outside_psnr_db, self.inside_correlation
        return {
            "frames": self.frame_count,
            "outside_psnr_db": psnr and psnr.as_json(),
            "inside_correlation": correlation and correlation.as_json(),
            "bare_frames": list(self.bare_frames),
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Verified:
        """What ``as_json`` gave."""
        psnr, correlation = values["outside_psnr_db"], values["inside_correlation"]
        return cls(
            frame_count=values["frames"],
            outside_psnr_db=psnr and Worst.from_json(psnr),
            inside_correlation=correlation and Worst.from_json(correlation),
            bare_frames=tuple(values.get("bare_frames", ())),
        )


@dataclass(frozen=True, kw_only=True)
class OutputReport:
    """One output.

    Attributes:
        path: The file or folder.
        what: The video with the effects, a matte as a picture, masks, or a bundle for inpainting.
        frame_count: Frames in it, read back.
        pixel_format: FFmpeg's name of its pixel format, read back; ``"pal8"`` for masks,
            ``"half"`` for EXR, ``"rgb24"`` for bundles.
        notes: What it could not take over from the source, in sentences.
        was_there: Whether an earlier run had written it already, and it was not written again.
        verified: What came of the recipe's verify step; None where there is none.
    """

    path: Path
    what: OutputKind
    frame_count: int
    pixel_format: str
    notes: tuple[str, ...] = ()
    was_there: bool = False
    verified: Verified | None = None

    def as_json(self) -> dict[str, Any]:
        """As values for JSON."""
        return {
            "path": str(self.path),
            "what": self.what,
            "frames": self.frame_count,
            "pixel_format": self.pixel_format,
            "notes": list(self.notes),
            "was_there": self.was_there,
            "verified": self.verified and self.verified.as_json(),
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> OutputReport:
        """What ``as_json`` gave, of an output that is there already."""
        verified = values["verified"]
        return cls(
            path=Path(values["path"]),
            what=values["what"],
            frame_count=values["frames"],
            pixel_format=values["pixel_format"],
            notes=tuple(values["notes"]),
            was_there=True,
            verified=verified and Verified.from_json(verified),
        )


@dataclass(frozen=True, kw_only=True)
class Coverage:
    """On which frames of an output an object is hidden; its masks say where it is.

    Attributes:
        covered: Frames on which its mask shows it and something hides it, or all is covered.
        shown: Frames on which its mask shows it and nothing hides it.
        held: Frames on which its mask is empty, and hidden is where it is shortly before or after.
        absent: Frames on which its mask is empty and nothing is hidden because of it.
        unsettled: Those of them on which nobody has said that it is gone, or approved it.
    """

    covered: tuple[int, ...]
    shown: tuple[int, ...]
    held: tuple[int, ...]
    absent: tuple[int, ...]
    unsettled: tuple[int, ...]

    def as_json(self) -> dict[str, list[list[int]]]:
        """First and last frames of the spans of each kind."""
        kinds = {
            "covered": self.covered,
            "shown": self.shown,
            "held": self.held,
            "without_mask": self.absent,
            "unsettled": self.unsettled,
        }
        return {
            kind: [[first, stop - 1] for first, stop in spans_of(frames)]
            for kind, frames in kinds.items()
        }


@dataclass(frozen=True, kw_only=True)
class RenderReport:
    """All outputs of a render.

    Attributes:
        outputs: In the recipe's order.
        main: The one that has the name that was asked for.
        covered_frames: Frames that were covered whole because nobody was sure of them.
        unseen_frames: Frames that checkpoints ask about and nobody has looked at, because the work
            was to go on; without those that were covered whole.
        effects: What effects tell of this pass; see ``Effect.report``.
        proof: The report that was written beside the main output; None where there is none.
        coverage: With such a report, on which frames each object is hidden, by its name.
    """

    outputs: tuple[OutputReport, ...]
    main: OutputReport
    covered_frames: tuple[int, ...] = ()
    unseen_frames: tuple[int, ...] = ()
    effects: tuple[Mapping[str, Any], ...] = ()
    proof: Path | None = None
    coverage: Mapping[str, Coverage] = field(default_factory=dict)

    @property
    def path(self) -> Path:
        """The main output's file or folder."""
        return self.main.path

    @property
    def frame_count(self) -> int:
        """Frames in the main output, read back."""
        return self.main.frame_count

    @property
    def pixel_format(self) -> str:
        """FFmpeg's name of the main output's pixel format, read back."""
        return self.main.pixel_format

    @property
    def notes(self) -> tuple[str, ...]:
        """What the main output could not take over from the source, in sentences."""
        return self.main.notes
