"""One pass over the video: every frame is decoded once, and goes into every output."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, TypeAlias

from tam_edit.frame import Frame
from tam_edit.media import Source, clear_leftovers
from tam_edit.recipe import Recipe
from tam_edit.render.chain import Chain
from tam_edit.render.job import RenderJob, check_tracked
from tam_edit.render.ledger import Entry, Ledger
from tam_edit.render.mattes import mattes_of
from tam_edit.render.outputs import Output, PictureOutput, open_output
from tam_edit.render.plan import RenderPlan, check_recipe
from tam_edit.render.report import RenderReport, Verified
from tam_edit.render.targets import Target, check_free, targets_of
from tam_edit.render.verify import Acted, verify_output
from tam_edit.types import Matte, ObjectId

#: Told the frames done and the frames in all.
Progress: TypeAlias = Callable[[int, int], None]


def render(
    source: Source,
    job: RenderJob,
    path: str | Path,
    *,
    overwrite: bool = False,
    ledger: Ledger | None = None,
    progress: Progress | None = None,
    verifying: Progress | None = None,
) -> RenderReport:
    """Write all outputs of a recipe.

    None of them gets its name before all are finished, read back and verified. What an earlier
    run finished is not written again.

    Args:
        source: The video the masks belong to.
        job: What to do.
        path: The main output: a file; for a PNG sequence a folder, with a slash at its end while
            it does not exist, or a pattern such as ``out/shot.%05d.png``; a folder for masks. The
            other outputs lie beside it.
        overwrite: Whether existing outputs are replaced.
        ledger: Knows what earlier runs wrote; everything is written where left out.
        progress: Told of the frames that are rendered.
        verifying: Told of the frames that are verified.

    Raises:
        InputError: A frame was never tracked, or the recipe names an object that is not there.
        RecipeError: The recipe names a place that is not in the video.
        EncodeError: An output cannot be written or would not hold what was promised.
    """
    check_tracked(job)
    work = job.work
    plan = check_recipe(job.recipe, source, in_frame=work.start, out_frame=work.stop)
    targets = targets_of(source, job.recipe, path)
    known = {} if ledger is None else {t.place: ledger.finished(t, job) for t in targets}
    finished = {place: report for place, report in known.items() if report is not None}
    is_ours = None if ledger is None else ledger.is_ours
    check_free(targets, overwrite=overwrite, finished=finished, is_ours=is_ours)
    for place in finished:
        clear_leftovers(place)
    effects: tuple[Mapping[str, Any], ...] = ()
    left = [target for target in targets if target.place not in finished]
    if left:
        with ExitStack() as stack:
            rendering = _Rendering(source, job, plan, left, stack, overwrite=overwrite)
            rendering.write(progress)
            entries = rendering.complete(verifying)
            if ledger is not None:
                ledger.remember(entries, job)
            rendering.publish()
            effects = rendering.effects
            finished |= {entry.target.place: entry.report for entry in entries}
    return RenderReport(
        outputs=tuple(finished[target.place] for target in targets),
        main=next(finished[target.place] for target in targets if target.is_main),
        covered_frames=tuple(sorted(job.covered_frames)),
        effects=effects,
    )


def check_outputs(
    source: Source,
    recipe: Recipe,
    path: str | Path,
    *,
    overwrite: bool = False,
    known: tuple[Ledger, RenderJob] | None = None,
) -> list[Path]:
    """Refuse outputs that could not be written, before any work begins.

    Args:
        source: The video.
        recipe: Its exports count.
        path: The main output.
        overwrite: Whether existing outputs are replaced.
        known: What knows what earlier runs wrote, and the job with the masks as they are now: what
            was written from these may stay.

    Returns:
        The places of all outputs.

    Raises:
        EncodeError: One exists, is the source itself, has no known format, cannot hold what the
            recipe makes, or its folder is missing or read-only.
    """
    targets = targets_of(source, recipe, path)
    kept = [t.place for t in targets if known is not None and known[0].may_be_finished(t, known[1])]
    is_ours = None if known is None else known[0].is_ours
    check_free(targets, overwrite=overwrite, finished=kept, is_ours=is_ours)
    return [target.place for target in targets]


class _Rendering:
    """The outputs of one pass, from the first frame to their names."""

    def __init__(
        self,
        source: Source,
        job: RenderJob,
        plan: RenderPlan,
        targets: Sequence[Target],
        stack: ExitStack,
        *,
        overwrite: bool,
    ) -> None:
        self._source, self._job, self._plan = source, job, plan
        self._mattes = mattes_of(job, plan, source)
        self._outputs: list[Output] = []
        self.effects: tuple[Mapping[str, Any], ...] = ()
        self._stack = stack
        self._acted = Acted() if plan.verify is not None else None
        for target in targets:
            output = open_output(target, source, job, self._matte, overwrite=overwrite)
            self._outputs.append(output)
            # After an error; once it is published there is nothing to discard.
            stack.callback(output.written.discard)

    def _matte(self, object_ids: tuple[ObjectId, ...], index: int) -> Matte:
        return self._mattes.matte(object_ids, index, len(self._plan.mattes))

    def write(self, progress: Progress | None) -> None:
        """Every frame into every output; without pictures to write, nothing is decoded."""
        total = len(self._job.frames)
        for done, (index, frame) in enumerate(self._frames(), start=1):
            for output in self._outputs:
                output.write(index, frame)
            if progress is not None:
                progress(done, total)

    def _frames(self) -> Iterator[tuple[int, Frame | None]]:
        if not any(output.needs_pictures for output in self._outputs):
            for index in self._job.frames:
                yield index, None
            return
        args = (self._source, self._job, self._plan, self._mattes, self._stack, self._acted)
        chain = Chain(*args)
        for frame in chain.frames():
            yield frame.index, frame
        self.effects = tuple(chain.reports())

    def complete(self, verifying: Progress | None) -> list[Entry]:
        """Complete and verify every output, and say what it holds."""
        for output in self._outputs:
            output.written.complete()
        verified = self._verified(verifying)
        return [output.entry(verified.get(output.target.place)) for output in self._outputs]

    def _verified(self, verifying: Progress | None) -> dict[Path, Verified]:
        if self._acted is None or self._plan.verify is None:
            return {}
        pictures = [each for each in self._outputs if isinstance(each, PictureOutput)]
        total = len(self._job.frames) * len(pictures)
        done = 0

        def advance() -> None:
            nonlocal done
            done += 1
            if verifying is not None:
                verifying(done, total)

        args = (self._job.frames, self._acted, self._plan.verify, advance)
        return {
            each.target.place: verify_output(self._source, each.sink, *args) for each in pictures
        }

    def publish(self) -> None:
        """Give every output its name."""
        for output in self._outputs:
            output.written.publish()
