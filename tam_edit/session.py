"""A project with its video and its models: what a script, the command line and a page share."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self, TypeAlias, cast

from tam_edit.errors import InputError, ProjectError, ReviewPending
from tam_edit.export import write_palette_masks
from tam_edit.frame import Frame
from tam_edit.media import Source, open_source, timecode_at
from tam_edit.models import AUTO, Models, load_models, resolve_model
from tam_edit.models.base import Segmentation
from tam_edit.project import Project, open_video, video_record
from tam_edit.prompts import Keyframe, ObjectPrompts, Prompts
from tam_edit.recipe import Recipe
from tam_edit.render import (
    RenderJob,
    RenderReport,
    check_tracked,
    objects_of,
    output_format,
    render,
)
from tam_edit.review import Doubt, find_doubts, in_words
from tam_edit.tracking import LoopSettings, find_cuts, follow, give_prompts, spans_across_cuts
from tam_edit.tracks import FrameScore, MaskTrack, Origin, spans_of
from tam_edit.types import Matte, ObjectId

OnDoubt: TypeAlias = Literal["stop", "continue", "cover-frame"]
ON_DOUBT: tuple[OnDoubt, ...] = ("stop", "continue", "cover-frame")
DEFAULT_SHORT_SIDE = 480


class Session:
    """One shot in work: its project, its video and, once they are needed, its models."""

    def __init__(self, project: Project, source: Source, *, device: str = "auto") -> None:
        self.project = project
        self.source = source
        self._device = device
        self._models: Models | None = None

    @classmethod
    def create(
        cls,
        video: str | Path,
        project_path: str | Path,
        *,
        fps: Fraction | None = None,
        in_frame: int = 0,
        out_frame: int | None = None,
        model: str = AUTO,
        device: str = "auto",
        short_side: int = DEFAULT_SHORT_SIDE,
        overwrite: bool = False,
    ) -> Self:
        """Begin a project for a video.

        Args:
            video: A file, a folder of frames or a pattern.
            project_path: Where the project file is made.
            fps: Frames per second of a folder of frames.
            in_frame: First frame of the work.
            out_frame: One past the last; the end of the video where left out.
            model: Name of the models to track with.
            device: Where they run.
            short_side: Tracking size in pixels.
            overwrite: Whether an existing project is replaced.
        """
        model = resolve_model(model)
        source = open_source(video, fps=fps)
        try:
            stop = source.info.frame_count if out_frame is None else out_frame
            _check_points(in_frame, stop, source)
            project = Project.create(
                project_path,
                source=video_record(source, fps),
                width=source.info.width,
                height=source.info.height,
                frame_count=source.info.frame_count,
                in_frame=in_frame,
                out_frame=stop,
                overwrite=overwrite,
            )
            project.settings["model"] = model
            project.settings["short_side"] = short_side
        except BaseException:
            source.close()
            raise
        return cls(project, source, device=device)

    @classmethod
    def open(
        cls,
        project_path: str | Path,
        *,
        video: str | Path | None = None,
        model: str = AUTO,
        device: str = "auto",
    ) -> Self:
        """Go on with a project.

        Args:
            project_path: The project file.
            video: Where the video is now; where the project says it was, if left out.
            model: ``auto`` keeps the project's model; another name must be the same one.
            device: Where the models run.

        Raises:
            ProjectError: The project cannot be used, is of another video or of another model.
        """
        project = Project.open(project_path)
        try:
            source = open_video(project, video)
            _check_model(project, model)
        except BaseException:
            project.close()
            raise
        return cls(project, source, device=device)

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
        self.source.close()
        self.project.__exit__(kind, error, trace)

    @property
    def models(self) -> Models:
        """The project's models, loaded when they are first needed.

        The weights that were used first are the project's from then on, whatever is installed
        later.
        """
        if self._models is None:
            settings = self.project.settings
            stored = cast("Sequence[str]", settings.get("weights", ()))
            self._models = load_models(str(settings["model"]), self._device, weights=stored)
            if self._models.weights and not stored:
                settings["weights"] = self._models.weights
        return self._models

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
        project = self.project
        if self.loop.at_cuts == "ignore":
            return ()
        if "cuts" not in project.settings:
            start, stop = project.in_frame, project.out_frame
            frames = self.source.frames(start, stop)
            total = stop - start
            told = None if progress is None else (lambda done: progress(done, total))
            project.settings["cuts"] = find_cuts(frames, told)
        return tuple(cast("Sequence[int]", project.settings["cuts"]))

    def prompt(
        self, said: ObjectPrompts, *, carries_back: bool = True, is_repeatable: bool = False
    ) -> Keyframe | None:
        """Turn prompts into a keyframe; on a tracked frame this is a correction.

        Prompts that were given for this object and frame before still hold. The masks that the
        keyframe changes are dropped, up to the next keyframe or the end of the shot; tracking
        makes them again. A correction is also carried back towards the keyframe before it.

        Args:
            said: What a person says of one object on one frame.
            carries_back: Whether a correction is carried back.
            is_repeatable: Whether the prompts come from a command that may be given again: then
                what was ever said on the frame says nothing new, also where it holds no more.

        Returns:
            The keyframe; None where all of it had been said before, so that nothing changes.

        Raises:
            InputError: The frame does not exist, or the prompts cannot be used on it.
        """
        return give_prompts(
            self.source,
            self.project,
            self._segment,
            said,
            cuts=self._barriers(),
            carries_back=carries_back,
            is_repeatable=is_repeatable,
        )

    def _segment(self, frame: Frame, prompts: Prompts, previous: Matte | None) -> Segmentation:
        """Ask the segmenter; the models are loaded when it is first asked."""
        return self.models.segmenter.segment(frame, prompts, previous)

    def track(self, progress: Callable[[int, int], None] | None = None) -> int:
        """Track every object on every frame that has no mask yet.

        Args:
            progress: Told the frames done and the frames in all.

        Returns:
            How many frames the model was shown; 0 where nothing was left to do.
        """
        project = self.project
        said = [prompts for i in project.objects() for prompts in project.prompts(i).values()]
        if not any(prompts.says_where for prompts in said):
            raise InputError(
                "nothing says where the object is",
                hint="give a --click on it, a --box around it or a --mask of it",
            )
        cuts = self.cuts()
        self._drop_what_cuts_decide()
        return follow(
            self.source,
            self.project,
            self.models,
            short_side=self.short_side,
            settings=self.loop,
            cuts=cuts,
            progress=progress,
        )

    def _drop_what_cuts_decide(self) -> None:
        """Where it was decided otherwise what happens at cuts, drop the masks that hang on that."""
        project, at_cuts = self.project, self.loop.at_cuts
        asked_before = project.settings.get("tracked_at_cuts", at_cuts) == "ask"
        project.settings["tracked_at_cuts"] = at_cuts
        if asked_before == (at_cuts == "ask"):
            return
        for object_id in project.objects():
            if at_cuts == "ask":
                spans = spans_across_cuts(project, object_id, self._barriers())
            else:
                unreached = filter(_is_unreached, project.scores(object_id))
                spans = spans_of(scored.frame_index for scored in unreached)
            for start, stop in spans:
                project.discard(object_id, start, stop)

    def _barriers(self) -> tuple[int, ...]:
        """Cuts that tracking does not cross, as far as they are known."""
        if self.loop.at_cuts != "ask":
            return ()
        return tuple(cast("Sequence[int]", self.project.settings.get("cuts", ())))

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
        names = self.project.objects()
        return find_doubts({i: self._unapproved(i) for i in names}, names, threshold)

    def _open_doubts(self, recipe: Recipe) -> list[Doubt]:
        """What stops a recipe: its checkpoint's doubts, or frames that no prompt reaches."""
        if recipe.checkpoint is not None and recipe.checkpoint.threshold > 0:
            return self.doubts(recipe.checkpoint.threshold)
        names = self.project.objects()
        unreached = {i: filter(_is_unreached, self._unapproved(i)) for i in names}
        return find_doubts(unreached, names, 1.0)

    def _unapproved(self, object_id: ObjectId) -> Iterator[FrameScore]:
        approved = self.project.approved(object_id)
        return (s for s in self.project.scores(object_id) if s.frame_index not in approved)

    def check_output(self, recipe: Recipe, path: str | Path, *, overwrite: bool = False) -> None:
        """Refuse an output that could not be written, before any work begins.

        Raises:
            EncodeError: It exists, is the video itself, has no known format, or its folder is
                missing or read-only.
        """
        output_format(self.source, recipe, path, overwrite=overwrite)

    def check_objects(self, recipe: Recipe) -> None:
        """Refuse a recipe that names an object which the project does not have.

        Raises:
            UnknownNameError: There is no object of that name.
        """
        for use in recipe.effects():
            objects_of(use, self.project.objects())

    def render(
        self,
        recipe: Recipe,
        path: str | Path,
        *,
        on_doubt: OnDoubt = "stop",
        overwrite: bool = False,
        progress: Callable[[int, int], None] | None = None,
    ) -> RenderReport:
        """Write the video with a recipe's effects.

        Args:
            recipe: The effects, the checkpoint and the output.
            path: Output file or folder.
            on_doubt: What is done with doubtful frames: stop for a person, go on, or
                cover the whole frame.
            overwrite: Whether an existing output is replaced.
            progress: Told the frames done and the frames in all.

        Raises:
            ReviewPending: A checkpoint is open, or nobody has said where an object is after a cut;
                nothing was written.
        """
        job = self._job(recipe)
        check_tracked(job)
        covered: frozenset[int] = frozenset()
        doubts = self._open_doubts(recipe)
        if doubts and on_doubt == "stop":
            told = in_words(doubts, lambda index: timecode_at(index, self.source))
            raise ReviewPending(
                told,
                hint=self._doubt_hint(doubts[0]),
                doubts=[doubt.as_json() for doubt in doubts],
            )
        if on_doubt == "cover-frame":
            covered = frozenset(frame for doubt in doubts for frame in doubt.frames)
        job = self._job(recipe, covered)
        return render(self.source, job, path, overwrite=overwrite, progress=progress)

    def _job(self, recipe: Recipe, covered: frozenset[int] = frozenset()) -> RenderJob:
        return RenderJob(
            recipe=recipe,
            tracks=self.project.track_set(),
            names=self.project.objects(),
            in_frame=self.project.in_frame,
            out_frame=self.project.out_frame,
            covered_frames=covered,
        )

    def _doubt_hint(self, worst: Doubt) -> str:
        named = f"{self.project.path} --object {worst.name}"
        return (
            f"correct what is wrong (tam-edit prompt {named} --click X,Y@{worst.worst_frame}, or "
            f"--gone {worst.start} where it is not in the picture), "
            f"approve what is right (tam-edit approve {named} --frames {worst.start}-{worst.last} "
            "--reason WHY), then repeat this command; or decide now with --on-doubt cover-frame "
            "or --on-doubt continue"
        )

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


def _is_unreached(scored: FrameScore) -> bool:
    return scored.origin is Origin.UNREACHED


def _check_points(in_frame: int, out_frame: int, source: Source) -> None:
    count = source.info.frame_count
    if not 0 <= in_frame < out_frame <= count:
        raise InputError(
            f"in point {in_frame} and out point {out_frame} do not fit {source.info.path}, "
            f"which has the frames 0 to {count - 1}",
            hint="the out point is the first frame that is left out",
        )


def _check_model(project: Project, model: str) -> None:
    stored = project.settings["model"]
    if model not in (AUTO, stored):
        raise ProjectError(
            f"{project.path} was begun with the model {stored!r}, not {resolve_model(model)!r}",
            hint="begin a new project to track with another model",
        )
