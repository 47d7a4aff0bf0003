"""On which frames effects act, and what of that nobody may have meant."""

from __future__ import annotations

from tam_edit._cli.console import Output
from tam_edit.media import Source
from tam_edit.recipe import EffectStep, Recipe, span_of
from tam_edit.render import objects_of
from tam_edit.review.words import spans_text
from tam_edit.session import Session

NOWHERE = "none of these frames"
FADES = "it never comes in fully, for its fades take longer than that"


def frames_in_words(step: EffectStep, source: Source, frames: range) -> str:
    """On which frames of those that are written an effect acts."""
    span = span_of(step, source, frames)
    if not span:
        return NOWHERE
    where = f"frames {span[0]} to {span[-1]}"
    return f"{where}; {FADES}" if _fades_longer(step, source, span) else where


def tell_what_may_be_unmeant(
    session: Session, recipe: Recipe, part: range | None, output: Output
) -> None:
    """Say which effects of a render are never there, and where one acts on the whole picture.

    Args:
        session: The project; all of its frames are tracked.
        recipe: What is carried out.
        part: The frames that are written; all of the work where None.
        output: Where it is told.
    """
    project, source = session.project, session.source
    frames = part or range(project.in_frame, project.out_frame)
    for step, effect in recipe.effects():
        span = span_of(step, source, frames)
        if not span:
            output.note(f"{step.effect} acts on {NOWHERE}: its in and out point lie elsewhere")
            continue
        if _fades_longer(step, source, span):
            output.note(f"{step.effect} on frames {span[0]} to {span[-1]}: {FADES}")
        if (effect.acts_on == "object") != step.invert:
            continue
        ids = objects_of(step, project.objects())
        empty = set(span).intersection(*(project.empty_frames(i, span) for i in ids))
        if empty:
            output.note(
                f"{step.effect} acts on the whole picture on frames {spans_text(empty)}, where no "
                "mask shows what it leaves as it is"
            )


def _fades_longer(step: EffectStep, source: Source, span: range) -> bool:
    lasts_s = source.time_of(span[-1]) - source.time_of(span[0])
    return step.fade_in_s + step.fade_out_s > lasts_s
