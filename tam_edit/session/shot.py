"""A project beside its video: everything that needs no model."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self, cast

from tam_edit.errors import TamEditError
from tam_edit.export import (
    ExportOptions,
    ExportReport,
)
from tam_edit.inpaint import Recomposite, RecompositeReport
from tam_edit.media import Source
from tam_edit.project import Decision, Project
from tam_edit.recipe import Recipe
from tam_edit.render import Coverage, write_palette_masks
from tam_edit.review import Doubt
from tam_edit.review.words import quoted
from tam_edit.session import checkpoint, exports
from tam_edit.session.approve import approve
from tam_edit.session.covers import coverage, frames_in, kept_covers, objects_in
from tam_edit.session.points import check_part
from tam_edit.session.undo import Undone, undo
from tam_edit.tracking import LoopSettings, Shots
from tam_edit.tracks import MaskTrack

PLACEHOLDER = "SHOT.tam"  # stands for a project's file in hints


class OpenedShot:
    """What can be asked of a shot and decided about it; :class:`Session` does the work.

    Args:
        project: Its document.
        source: Its video.
    """

    def __init__(self, project: Project, source: Source) -> None:
        self.project = project
        self.source = source
        self._shots = Shots(source, project, project.settings)

    def close(self) -> None:
        """Close the video and the project; what is not committed yet is committed."""
        self.source.close()
        self.project.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if isinstance(error, TamEditError):
            # Where a hint is written nobody may know of the project's file.
            error.hint = error.hint.replace(PLACEHOLDER, quoted(self.project.path))
        self.source.close()
        self.project.__exit__(kind, error, trace)

    @property
    def short_side(self) -> int:
        """Tracking size in pixels."""
        return int(str(self.project.settings["short_side"]))

    @property
    def loop(self) -> LoopSettings:
        """Which steps of tracking run; what is set holds for frames that are tracked later."""
        stored = cast("Mapping[str, Any]", self.project.settings.get("loop", {}))
        return LoopSettings(**stored)

    @loop.setter
    def loop(self, settings: LoopSettings) -> None:
        if settings != self.loop:
            self.project.settings["loop"] = settings.as_json()

    def cuts(self, progress: Callable[[int, int], None] | None = None) -> tuple[int, ...]:
        """The first frames of new shots; the video is looked through when they are first asked for.

        Args:
            progress: Told the frames done and the frames in all.

        Returns:
            Frame numbers, ascending; none where the settings say that cuts do not matter.
        """
        return self._shots.find(self.loop.at_cuts, progress)

    def mask_track(self, object_name: str) -> MaskTrack:
        """One object's masks with the time of every frame since the first, as moviepy counts.

        Raises:
            UnknownNameError: There is no such object.
        """
        source = self.source
        first = source.time_of(0)
        times = [source.time_of(index) - first for index in range(source.info.frame_count)]
        return self.project.track(self.project.object_id(object_name), times)

    def doubts(self, threshold: float) -> list[Doubt]:
        """Spans of unapproved frames whose score is below a threshold, worst first."""
        return checkpoint.doubts_below(self.project, threshold)

    def open_doubts(self, below: float | None = None) -> list[Doubt]:
        """What the last checkpoint asked a person to look at and nobody has settled, worst first.

        Args:
            below: Masks with a lower score are among them; the last checkpoint's threshold if
                left out.
        """
        return checkpoint.asked_last(self.project, self.source, below)

    @property
    def usual_threshold(self) -> float:
        """Below which score a mask is doubtful: what the last checkpoint went by, else 0.7."""
        return checkpoint.usual_threshold(self.project)

    def coverage(
        self, recipe: Recipe, part: range | None = None, whole: Collection[int] = ()
    ) -> dict[str, Coverage]:
        """On which frames a recipe hides each object, by its name.

        Args:
            recipe: What is written.
            part: The frames that are written; all of the work where left out. All are tracked.
            whole: Those of them on which effects act on the whole picture.
        """
        work = range(self.project.in_frame, self.project.out_frame)
        return coverage(self.project, recipe, self.source, part or work, whole)

    def doubtful_frames(self, recipe: Recipe, part: range | None = None) -> list[int]:
        """The frames with a doubtful mask that has a part in what a recipe makes.

        Args:
            recipe: Only the objects and the frames count that it does something with.
            part: The frames that are written; all of the work where left out.
        """
        names = self.project.objects()
        acted_on = objects_in(recipe, names)
        written = part or range(self.project.in_frame, self.project.out_frame)
        frames = frames_in(recipe, self.source, written)
        doubts = [doubt for doubt in self.open_doubts() if doubt.object_id in acted_on]
        return sorted(frames & {index for doubt in doubts for index in doubt.doubtful_frames})

    def check_part(self, part: range | None) -> None:
        """Refuse frames that are none of the work.

        Args:
            part: Frames that are to be written; None stands for all of the work.

        Raises:
            InputError: There are none, or some lie before the in point or after the out point.
        """
        check_part(part, self.project)

    def untracked(self) -> dict[str, int]:
        """How many frames of each object have no mask yet; objects that have all are left out."""
        return checkpoint.untracked(self.project)

    def write_review(
        self,
        folder: str | Path,
        *,
        below: float | None = None,
        overwrite: bool = False,
        progress: Callable[[int, int], None] | None = None,
    ) -> Path:
        """Write a page that shows every doubt: scores, pictures, reasons, commands.

        It shows people unredacted: only its owner can read it, and it lies in no output's folder.

        Args:
            folder: Made where it does not exist; must be empty.
            below: Masks with a lower score are shown; the last checkpoint's threshold if left out.
            overwrite: Whether a page that stands there is replaced.
            progress: Told the pictures done and the pictures in all.

        Returns:
            The page's file.

        Raises:
            InputError: The folder is that of an output, or inside it.
            EncodeError: The page cannot be written there.
        """
        return checkpoint.write_review(
            self.project,
            self.source,
            folder,
            below,
            cover=kept_covers(self.project, self.source),
            overwrite=overwrite,
            progress=progress,
        )

    def write_frame(
        self,
        folder: str | Path,
        frame_index: int,
        *,
        object_name: str | None = None,
        overwrite: bool = False,
    ) -> Path:
        """Write a page that shows one frame with an object's mask, and takes clicks.

        Args:
            folder: As for :meth:`write_review`.
            frame_index: From the in point to before the out point.
            object_name: The object, or the name of one that is to be begun there; may be left out
                where there is one or none.
            overwrite: Whether a page that stands there is replaced.

        Returns:
            The page's file.

        Raises:
            UnknownNameError: There is no such object, but one with nearly that name.
            InputError: The frame is none of the work's, it is not said which of several objects is
                meant, or the folder is that of an output, or inside it.
            EncodeError: The page cannot be written there.
        """
        return checkpoint.write_frame(
            self.project, self.source, folder, frame_index, object_name, overwrite=overwrite
        )

    def remember_command(self, command: str, *, tracks: bool) -> None:
        """Keep the command that writes an output: a review tells to repeat it.

        Args:
            command: As it was typed, in words that a shell can read.
            tracks: Whether it also tracks what is to be tracked again.
        """
        checkpoint.remember_command(self.project, command, tracks=tracks)

    def approve(
        self,
        reason: str,
        *,
        object_name: str | None = None,
        frames: Collection[int] | None = None,
    ) -> dict[str, int]:
        """Say that masks were looked at and are right: a checkpoint lets them pass.

        Args:
            reason: Why; it is kept.
            object_name: The object; all where left out.
            frames: On which ones; all of the work where left out.

        Returns:
            How many tracked frames of each object that are; objects without any are left out.

        Raises:
            UnknownNameError: There is no such object.
            InputError: No reason is given, a frame is none of the work's, or no mask is there yet.
        """
        return approve(self.project, reason, object_name, frames)

    def history(self) -> list[Decision]:
        """Every decision of a person, in that order, also what was taken back."""
        return list(self.project.history)

    def undo(self, decision_id: int) -> Undone:
        """Take back a correction, a prompt or an approval; tracking makes anew what came of it.

        As long as nothing was tracked from prompts, the masks and approvals that they dropped come
        back instead. All masks outside the span that the answer names stay as they are.

        Raises:
            UnknownNameError: There is no such decision.
            InputError: It cannot be taken back, or something later builds on it.
        """
        return undo(self.project, decision_id, self._shots.barriers(self.loop.at_cuts))

    def write_masks(
        self,
        folder: str | Path,
        *,
        overwrite: bool = False,
        progress: Callable[[int, int], None] | None = None,
    ) -> None:
        """Write palette PNGs, one per frame at source size, and ``scores.json`` beside them.

        Args:
            folder: Made where it does not exist; must be empty.
            overwrite: Whether masks that stand there are replaced.
            progress: Told the frames done and the frames in all.
        """
        project = self.project
        write_palette_masks(
            folder,
            project.track_set(),
            range(project.in_frame, project.out_frame),
            width=project.width,
            height=project.height,
            names=project.objects(),
            overwrite=overwrite,
            progress=progress,
        )

    def export(
        self,
        format_name: str,
        path: str | Path,
        *,
        objects: Sequence[str] = (),
        each: bool = False,
        handles: int = 0,
        options: ExportOptions | None = None,
        overwrite: bool = False,
        progress: Callable[[int, int], None] | None = None,
    ) -> list[ExportReport]:
        """Export masks for other programs.

        Doubtful frames stop no export; ``doubts`` tells of them.

        Args:
            format_name: One of ``tam_edit.export.EXPORT_FORMATS``.
            path: File or folder.
            objects: Names of the objects; all where none is given.
            each: Whether each object gets a file or folder of its own, named after it.
            handles: Frames before the in point and after the out point, as far as there are any;
                masks are empty on them.
            options: What only some formats can be told.
            overwrite: Whether something that stands there is replaced.
            progress: Told the frames done and the frames in all.

        Returns:
            What was written, one report per file or folder.

        Raises:
            UnknownNameError: There is no such format or object.
            InputError: A frame was never tracked, or the format cannot hold what is asked.
            EncodeError: The target cannot be written.
        """
        return exports.export_masks(
            self.project,
            self.source,
            format_name,
            Path(path),
            objects=objects,
            each=each,
            handles=handles,
            cuts=self._shots.barriers(self.loop.at_cuts),
            options=options,
            overwrite=overwrite,
            progress=progress,
        )

    def recomposite(
        self,
        frames: str | Path,
        path: str | Path,
        *,
        bundle: str | Path | None = None,
        format_name: str | None = None,
        feather_px: float | None = None,
        overwrite: bool = False,
        progress: Callable[[int, int], None] | None = None,
    ) -> RecompositeReport:
        """Put inpainted frames back into the video: masked pixels only, and of these the changed.

        Args:
            frames: What came back: a folder or pattern of pictures, or a video.
            path: Output file or folder.
            bundle: The folder that was handed out; the project's only one where left out.
            format_name: Format of the output; by its extension where left out.
            feather_px: Softens the seam inwards; within the bundle's dilation where left out.
            overwrite: Whether an existing output is replaced.
            progress: Told the frames done and the frames in all.

        Raises:
            InputError: The bundle is of another video or was changed, or what came back does not
                fit it.
            EncodeError: The output cannot be written.
        """
        returned = Path(frames)
        handed_out = exports.bundle_for(self.project, returned) if bundle is None else Path(bundle)
        what = Recomposite(
            bundle=handed_out, returned=returned, format=format_name, feather_px=feather_px
        )
        return exports.put_back(
            self.project, self.source, what, path, overwrite=overwrite, progress=progress
        )
