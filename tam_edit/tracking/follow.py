"""The whole work: what the store lacks is planned and carried out, until nothing is lacking."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tam_edit.errors import OutOfMemoryError
from tam_edit.media import Source
from tam_edit.models import Models
from tam_edit.tracking.pass_runner import CannotResumeError, PassRunner
from tam_edit.tracking.passes import Plan
from tam_edit.tracking.plan import Interrupted, ObjectState, plan_passes
from tam_edit.tracking.settings import LoopSettings
from tam_edit.tracking.store import TrackStore
from tam_edit.tracking.tally import Tally

Progress = Callable[[int, int], None]


def remaining(
    store: TrackStore, model: str, cuts: Sequence[int] = (), most_objects: int | None = None
) -> Plan:
    """What the store still lacks when it is tracked with that model.

    Args:
        store: The track.
        model: The propagator's name.
        cuts: Frames that no pass crosses.
        most_objects: How many objects one pass may carry; any number where None.
    """
    states = {}
    for object_id in store.objects():
        said = store.prompts(object_id)
        states[object_id] = ObjectState(
            keyframes=sorted(said),
            tracked=store.tracked_spans(object_id),
            gone=frozenset(k for k, prompts in said.items() if prompts.gone),
            gone_last={k: p.gone_last for k, p in said.items() if p.gone_last is not None},
            backtracks=tuple(store.backtracks(object_id)),
            earliest=store.backtrack_limits(object_id),
        )
    run = store.run_state()
    interrupted = None
    if run is not None and run.model == model:
        interrupted = Interrupted(
            frame_index=run.frame_index,
            is_forward=run.direction == "forward",
            object_ids=frozenset(run.object_ids),
        )
    return plan_passes(
        states, store.in_frame, store.out_frame, interrupted, cuts=cuts, most_objects=most_objects
    )


def follow(
    source: Source,
    store: TrackStore,
    models: Models,
    *,
    short_side: int,
    settings: LoopSettings | None = None,
    cuts: Sequence[int] = (),
    progress: Progress | None = None,
    tally: Tally | None = None,
) -> int:
    """Track every object of the store on every frame that has no matte yet.

    A run that was interrupted goes on from its snapshot, to the same mattes. Where the device
    cannot hold all objects at once they are tracked in several passes.

    Args:
        source: The video.
        store: Keyframes in, mattes out.
        models: The propagator, and the segmenter that refines.
        short_side: Tracking size in pixels.
        settings: Which steps run; all of them where None.
        cuts: First frames of new shots, see ``LoopSettings.at_cuts``.
        progress: Told the masks done and the masks in all, after every frame.
        tally: Told which masks were made, and which were looked at again.

    Returns:
        How many frames the model was shown.

    Raises:
        OutOfMemoryError: The device cannot hold even one object.
    """
    settings = settings or LoopSettings()
    runner = PassRunner(source, store, models, short_side, settings, cuts, tally or Tally())
    barriers = cuts if settings.at_cuts == "ask" else ()
    most_objects: int | None = None
    shown = done = 0
    while True:
        plan = remaining(store, models.propagator.name, barriers, most_objects)
        for fill in plan.fills:
            runner.fill(fill)
        try:
            for number, one_pass in enumerate(plan.passes):
                total = done + sum(each.mask_count for each in plan.passes[number:])
                for _ in runner.run(one_pass):
                    shown += 1
                    done += runner.carried
                    if progress is not None:
                        progress(done, max(done, total))
        except OutOfMemoryError as error:
            if runner.carried < 2:
                raise
            most_objects = runner.carried // 2
            store.end_run()
            store.log("out of memory", why=str(error), objects=runner.carried, tries=most_objects)
        except CannotResumeError as error:
            store.end_run()
            store.log("run begun anew", why=str(error))
        else:
            _tidy(store)
            return shown


def _tidy(store: TrackStore) -> None:
    """Nothing is left to do: no state of a run, and no correction to be carried back."""
    if store.run_state() is not None:
        store.end_run()
    for object_id in store.objects():
        for frame_index in store.backtracks(object_id):
            store.end_backtrack(object_id, frame_index)
