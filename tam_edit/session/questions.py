"""What a recipe's checkpoints ask a person to look at; a project keeps what was asked last."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, TypeAlias, cast

import numpy as np

from tam_edit.media import Source
from tam_edit.project import Project
from tam_edit.recipe import CheckpointStep, Recipe, check_objects, check_positions, frame_of
from tam_edit.review import Concern
from tam_edit.session.elsewhere import elsewhere, half_gone
from tam_edit.tracking import known_cuts, said_gone
from tam_edit.tracks import DOUBTFUL_BELOW, Origin
from tam_edit.types import ObjectId

When: TypeAlias = Literal["doubt", "always", "prompts", "frames", "cuts"]
# Settings of a project: what was asked last, and what of it was to be written.
ASKED = "review_asked"
SCOPE = "review_scope"
ALWAYS = "one of the frames that the recipe shows on every run"
GIVEN = "everything follows from this mask: it was made from what somebody said"
STATED = "the recipe asks for a look at this frame"


@dataclass(frozen=True, kw_only=True)
class Question:
    """One checkpoint of a recipe on one video.

    Attributes:
        when: Its kind.
        objects: Names of the objects; all where None.
        why: What the person is to look for, as the recipe puts it.
        threshold: For ``doubt``: frames with a lower score are doubtful; 0 for all others.
        frames: For ``always``, ``frames`` and ``cuts``: the frames.
    """

    when: When
    objects: tuple[str, ...] | None = None
    why: str = ""
    threshold: float = 0.0
    frames: tuple[int, ...] = ()

    def is_about(self, name: str) -> bool:
        """Whether it is about the object of that name."""
        return self.objects is None or name in self.objects

    def reason(self, frame_index: int, timecode: Callable[[int], str]) -> str:
        """Why a look at a frame is asked for, in plain words."""
        if self.when == "cuts":
            return f"first frame after a cut at {timecode(frame_index)}"
        return {"always": ALWAYS, "prompts": GIVEN}.get(self.when, STATED)


@dataclass(frozen=True, kw_only=True)
class Scope:
    """What has a part in what is written: nothing else stops it.

    Attributes:
        object_ids: The objects that something is done with.
        start: First frame that is written.
        stop: One past the last.
        borrows: Whether what is shown there may come from any other frame.
    """

    object_ids: tuple[ObjectId, ...]
    start: int
    stop: int
    borrows: bool

    def holds(self, object_id: ObjectId, concern: Concern) -> bool:
        """Whether an object on a frame has a part in it."""
        if object_id not in self.object_ids:
            return False
        is_seen = self.start <= concern.scored.frame_index < self.stop
        return is_seen or GIVEN in concern.asked or (self.borrows and concern.is_doubtful)


def questions_of(
    recipe: Recipe,
    project: Project,
    source: Source,
    cuts: Callable[[], Sequence[int]],
    written: range,
) -> list[Question]:
    """The checkpoints of a recipe on a project's video.

    Args:
        recipe: The recipe.
        project: Its in and out point are those of the work.
        source: The video.
        written: The frames that are written: those that are always shown are spread over those
            of them on which the object is not said to be gone.
        cuts: Gives the first frames of new shots; asked only where a checkpoint wants them.

    Raises:
        RecipeError: A stated frame is not in the video, or not between in and out point, or a
            stated object is not in the project.
    """
    check_positions(recipe, source, range(project.in_frame, project.out_frame))
    check_objects(recipe, set(project.objects().values()))
    questions = []
    for step in recipe.checkpoints:
        if step.when == "always":
            questions += _spread_over_each(project, step, written)
            continue
        frames: tuple[int, ...] = ()
        if step.when == "frames":
            frames = tuple(sorted({frame_of(position, source) for position in step.frames}))
        elif step.when == "cuts":
            frames = tuple(cuts())
        questions.append(
            Question(
                when=step.when,
                objects=None if step.objects == "all" else step.objects,
                why=step.why,
                threshold=step.threshold if step.when == "doubt" else 0.0,
                frames=frames,
            )
        )
    return questions


def _spread_over_each(project: Project, step: CheckpointStep, written: range) -> list[Question]:
    """Some frames of each object, spread over those on which it is not said to be gone."""
    questions = []
    for object_id, name in project.objects().items():
        if step.objects == "all" or name in step.objects:
            gone = said_gone(project.prompts(object_id), project.out_frame)
            frames = spread([i for i in written if i not in gone], step.frame_count)
            questions.append(Question(when=step.when, objects=(name,), why=step.why, frames=frames))
    return questions


def spread(frames: Sequence[int], count: int) -> tuple[int, ...]:
    """Some of the frames, evenly spread: the first and the last, or the middle one alone.

    Args:
        frames: Ascending.
        count: How many; all where there are no more.
    """
    if count == 1 and frames:
        return (frames[(len(frames) - 1) // 2],)
    places = np.linspace(0, len(frames) - 1, min(count, len(frames)))
    return tuple(frames[int(place)] for place in places.round())


def kept(project: Project) -> list[Question]:
    """What was asked last, and what is usually asked of objects whose doubts nobody asked about."""
    stored = cast("Sequence[Mapping[str, Any]]", project.settings.get(ASKED, ()))
    asked = [
        Question(
            when=each["when"],
            objects=None if each["objects"] is None else tuple(each["objects"]),
            why=each["why"],
            threshold=float(each["threshold"]),
            frames=tuple(each["frames"]),
        )
        for each in stored
    ]
    doubts = [question for question in asked if question.when == "doubt"]
    names = project.objects().values()
    others = tuple(name for name in names if not any(q.is_about(name) for q in doubts))
    if others or not doubts:
        everyone = None if not doubts else others
        asked.append(Question(when="doubt", objects=everyone, threshold=DOUBTFUL_BELOW))
    return asked


def keep(project: Project, questions: Sequence[Question], scope: Scope | None = None) -> None:
    """Let these be the questions that were asked last, and this what was to be written."""
    project.settings[ASKED] = [asdict(question) for question in questions]
    project.settings[SCOPE] = None if scope is None else asdict(scope)


def kept_scope(project: Project) -> Scope | None:
    """What was to be written when it was asked last; None where that is not known."""
    stored = cast("Mapping[str, Any] | None", project.settings.get(SCOPE))
    if stored is None:
        return None
    return Scope(**{**stored, "object_ids": tuple(stored["object_ids"])})


def concerns(
    project: Project,
    object_id: ObjectId,
    questions: Sequence[Question],
    timecode: Callable[[int], str],
) -> list[Concern]:
    """The frames of an object that questions are about and that nobody has approved, ascending.

    A frame that no prompt reaches is always among them, and where doubts are asked about those
    whose masks do not lead to one that somebody gave, or on which it is said to be gone and is in
    the middle of the picture on the next. Each question adds frames; none takes away
    what another one asks about.
    """
    name = project.objects()[object_id]
    own = [question for question in questions if question.is_about(name)]
    by_frame: dict[int, list[Question]] = {}
    for question in own:
        given = []
        if question.when == "prompts":
            # What was said to be gone where a mask showed it is asked about in any case.
            given = [i for i, said in project.prompts(object_id).items() if not said.gone]
        for index in (*question.frames, *given):
            by_frame.setdefault(index, []).append(question)
    approved = project.approved(object_id)
    looks_for_doubts = any(question.threshold for question in own)
    cuts = known_cuts(project.settings)
    unled: dict[int, tuple[str, ...]] = {}
    if looks_for_doubts:
        unled = elsewhere(project, object_id, cuts) | half_gone(project, object_id, cuts)
    found = []
    for scored in project.scores(object_id):
        index = scored.frame_index
        if index in approved:
            continue
        doubted = [question for question in own if scored.score < question.threshold]
        asking = by_frame.get(index, [])
        is_doubtful = bool(doubted) or scored.origin is Origin.UNREACHED or index in unled
        if is_doubtful or asking:
            found.append(
                Concern(
                    scored._replace(reasons=(*unled.get(index, ()), *scored.reasons)),
                    is_doubtful=is_doubtful,
                    asked=tuple(dict.fromkeys(q.reason(index, timecode) for q in asking)),
                    whys=tuple(dict.fromkeys(q.why for q in [*doubted, *asking] if q.why)),
                )
            )
    return found
