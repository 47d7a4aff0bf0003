"""A project with its video and its models: what a script, the command line and a page share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Literal, Self, TypeAlias, cast, get_args

from tam_edit.errors import ProjectError
from tam_edit.frame import Frame
from tam_edit.media import Source, open_source
from tam_edit.models import AUTO, Models, load_models, resolve_model
from tam_edit.models.base import Segmentation
from tam_edit.project import Decision, DecisionKind, Project, open_video, video_record
from tam_edit.prompts import Keyframe, ObjectPrompts, Prompts
from tam_edit.recipe import CheckpointStep, Recipe, check_objects
from tam_edit.render import (
    Ledger,
    RenderJob,
    RenderReport,
    check_outputs,
    check_recipe,
    check_tracked,
    render,
    said_in,
)
from tam_edit.review import Doubt
from tam_edit.session import checkpoint, covers, exports, report
from tam_edit.session.asking import ask, stops_at, would_stop
from tam_edit.session.points import check_points
from tam_edit.session.said import check_nobody_is_forgotten, check_said
from tam_edit.session.shot import OpenedShot
from tam_edit.tracking import Tally, follow, give_prompts
from tam_edit.types import Matte

OnDoubt: TypeAlias = Literal["stop", "continue", "cover-frame"]
ON_DOUBT: tuple[OnDoubt, ...] = get_args(OnDoubt)
DEFAULT_SHORT_SIDE = 480
MOST_TOLD = 50  # doubts that are kept with the decision to go on without a person


class Session(OpenedShot):
    """One shot in work: its project, its video and, once they are needed, its models."""

    def __init__(self, project: Project, source: Source, *, device: str = "auto") -> None:
        super().__init__(project, source)
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
            check_points(in_frame, stop, source)
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

    def prompt(
        self,
        said: ObjectPrompts,
        *,
        carries_back: bool = True,
        is_repeatable: bool = False,
        spares_masks: bool = False,
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
            spares_masks: Whether an object that is gone, up to a frame that is not said, may not
                take good masks of later frames away.

        Returns:
            The keyframe; None where all of it had been said before, so that nothing changes.

        Raises:
            InputError: The frame does not exist, the prompts cannot be used on it, or masks that
                are to be spared would be taken away.
        """
        return give_prompts(
            self.source,
            self.project,
            self._segment,
            said,
            cuts=self._shots.barriers(self.loop.at_cuts),
            carries_back=carries_back,
            is_repeatable=is_repeatable,
            spares_masks=spares_masks,
        )

    def _segment(self, frame: Frame, prompts: Prompts, previous: Matte | None) -> Segmentation:
        """Ask the segmenter; the models are loaded when it is first asked."""
        return self.models.segmenter.segment(frame, prompts, previous)

    def track(
        self,
        progress: Callable[[int, int], None] | None = None,
        tally: Tally | None = None,
    ) -> int:
        """Track every object on every frame that has no mask yet.

        Args:
            progress: Told the masks done and the masks in all.
            tally: Told which masks were made, and which were looked at again.

        Returns:
            How many frames the model was shown; 0 where nothing was left to do.
        """
        check_said(self.project)
        check_nobody_is_forgotten(self.project)
        cuts = self.cuts()
        self._shots.drop_what_was_decided_otherwise(self.loop.at_cuts)
        return follow(
            self.source,
            self.project,
            self.models,
            short_side=self.short_side,
            settings=self.loop,
            cuts=cuts,
            progress=progress,
            tally=tally,
        )

    def check_said(self, new: Sequence[ObjectPrompts] = ()) -> None:
        """Refuse to track where nothing says where any object is.

        Args:
            new: What is to be said beside what the project knows.

        Raises:
            InputError: Nothing does.
        """
        check_said(self.project, new)

    def check_output(
        self,
        recipe: Recipe,
        path: str | Path,
        *,
        part: range | None = None,
        overwrite: bool = False,
    ) -> list[Path]:
        """Refuse outputs that could not be written, before any work begins.

        Args:
            recipe: Its exports are the outputs.
            path: The main output.
            part: As for :meth:`render`.
            overwrite: Whether existing outputs are replaced.

        Returns:
            The files and folders of all outputs, in the recipe's order.

        Raises:
            RecipeError: The recipe names a place that is not in the video.
            EncodeError: One exists, is the video itself, has no known format, or its folder is
                missing or read-only.
            InputError: A review page lies in its folder, or the part is none of the work.
        """
        project = self.project
        self.check_part(part)
        check_recipe(recipe, self.source, in_frame=project.in_frame, out_frame=project.out_frame)
        known = (self._ledger(part), self._job(recipe, part=part))
        places = check_outputs(self.source, recipe, path, overwrite=overwrite, known=known)
        for place in places:
            checkpoint.remember_output(project, place, hides=covers.hides(recipe))
        if report.is_wanted(recipe):
            report.check_place(project, report.place_beside(recipe, places), overwrite=overwrite)
        return places

    def check_objects(self, recipe: Recipe) -> None:
        """Refuse a recipe that names an object or a frame which the project does not have.

        Raises:
            RecipeError: There is no object of that name, or a checkpoint states a frame that is
                not there.
        """
        check_objects(recipe, set(self.project.objects().values()))

    def ask(self, recipe: Recipe) -> None:
        """Let reviews go by a recipe's checkpoints from now on, before anything is rendered.

        Raises:
            RecipeError: As :meth:`check_objects`.
        """
        ask(self.project, self.source, recipe)

    def render(
        self,
        recipe: Recipe,
        path: str | Path,
        *,
        part: range | None = None,
        on_doubt: OnDoubt = "stop",
        overwrite: bool = False,
        progress: Callable[[int, int], None] | None = None,
        verifying: Callable[[int, int], None] | None = None,
    ) -> RenderReport:
        """Write all outputs of a recipe, in one pass over the video.

        What an earlier run finished is not written again. With a checkpoint or a verify step, a
        report of decisions, scores and checksums is written beside the main output.

        Args:
            recipe: The effects, the checkpoints and the outputs.
            path: The main output, a file or folder; the others lie beside it.
            part: The frames that are written; all of the work where left out. They are what they
                are in the whole video: effects look at all frames of the work. Checkpoints ask
                about those of the part, about masks that somebody gave, and, where an effect
                shows what it finds on other frames, about every doubtful one.
            on_doubt: What is done at a checkpoint: stop for a person, go on, or go on and cover
                the doubtful frames whole. Frames that were only asked for, whatever their score
                is, are not covered.
            overwrite: Whether existing outputs are replaced.
            progress: Told the frames done and the frames in all.
            verifying: The same while what was written is compared with its source.

        Raises:
            ReviewPending: A checkpoint is open, or nobody has said where an object is after a cut;
                nothing was written.
        """
        check_tracked(self._job(recipe))
        covered: frozenset[int] = frozenset()
        places = self.check_output(recipe, path, part=part, overwrite=overwrite)
        # A checkpoint at cuts wants them also where tracking does not look for any.
        doubts = stops_at(
            self.project, self.source, recipe, part, lambda: self._shots.find("reacquire")
        )
        if doubts and on_doubt == "stop":
            hides = covers.hides(recipe)
            raise checkpoint.pending(self.project, self.source, doubts, hides=hides)
        if doubts:
            told = [doubt.as_span() for doubt in doubts[:MOST_TOLD]]
            self.project.history.note(
                DecisionKind.ON_DOUBT, choice=on_doubt, count=len(doubts), doubts=told
            )
        if on_doubt == "cover-frame":
            doubtful = {frame for doubt in doubts for frame in doubt.doubtful_frames}
            covered = frozenset(doubtful.intersection(part or doubtful))
        job = self._job(recipe, covered, part)
        rendered = render(
            self.source,
            job,
            path,
            overwrite=overwrite,
            ledger=self._ledger(part),
            progress=progress,
            verifying=verifying,
        )
        unseen = {frame for doubt in doubts for frame in doubt.frames}
        rendered = replace(rendered, unseen_frames=tuple(sorted(unseen - covered)))
        exports.remember_rendered(self.project, recipe, rendered, job.frames)
        if not report.is_wanted(recipe):
            return rendered
        coverage = self.coverage(recipe, part, covered)
        proof = report.write(self.project, recipe, rendered, places, job.frames, coverage)
        return replace(rendered, proof=proof, coverage=coverage)

    def would_stop(self, recipe: Recipe, step: CheckpointStep, written: range) -> list[Doubt]:
        """What one of a recipe's checkpoints would stop at, as the masks are now.

        Args:
            recipe: What is asked for.
            step: The checkpoint.
            written: The frames that are written.
        """
        return would_stop(self.project, self.source, recipe, step, written)

    def written_with(self, decision: Decision) -> list[Path]:
        """The outputs, still there as they were, that a decision about an object had a part in."""
        if decision.object_id is None:
            return []
        return self._ledger().written_with(
            decision.decision_id,
            decision.object_id,
            is_approval=decision.kind is DecisionKind.APPROVAL,
        )

    def _ledger(self, part: range | None = None) -> Ledger:
        project = self.project
        frames = part or range(project.in_frame, project.out_frame)
        shot = {
            **{key: project.source[key] for key in ("identity", "fps")},
            "frames": [frames.start, frames.stop],
            **({} if part is None else {"work": [project.in_frame, project.out_frame]}),
        }
        decided = project.history.newest()
        return Ledger(project.settings, shot, project.mattes_digest, decided)

    def _job(
        self, recipe: Recipe, covered: frozenset[int] = frozenset(), part: range | None = None
    ) -> RenderJob:
        return RenderJob(
            recipe=recipe,
            tracks=self.project.track_set(),
            names=self.project.objects(),
            in_frame=self.project.in_frame,
            out_frame=self.project.out_frame,
            covered_frames=covered,
            cuts=self._shots.barriers(self.loop.at_cuts),
            said=said_in(self.project),
            part=part,
        )


def _check_model(project: Project, model: str) -> None:
    stored = project.settings["model"]
    if model not in (AUTO, stored):
        raise ProjectError(
            f"{project.path} was begun with the model {stored!r}, not {resolve_model(model)!r}",
            hint="begin a new project to track with another model",
        )
