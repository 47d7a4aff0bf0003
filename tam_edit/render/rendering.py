"""One pass over the video: every frame is decoded once, and goes into every output."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, TypeAlias

from tam_edit.media import Sink, Source, clear_leftovers, open_sink, open_source
from tam_edit.recipe import Recipe
from tam_edit.render.chain import Chain, window_of
from tam_edit.render.job import RenderJob, check_tracked, objects_of
from tam_edit.render.ledger import Entry, Ledger
from tam_edit.render.mattes import Pictures, RenderMattes
from tam_edit.render.palette import PaletteFolder
from tam_edit.render.plan import RenderPlan, check_recipe
from tam_edit.render.report import OutputReport, RenderReport, Verified
from tam_edit.render.targets import Target, check_free, targets_of
from tam_edit.render.verify import Acted, verify_output

#: Told the frames done and the frames in all.
Progress: TypeAlias = Callable[[int, int], None]
MASKS_PIXEL_FORMAT = "pal8"


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
    plan = check_recipe(job.recipe, source, in_frame=job.in_frame, out_frame=job.out_frame)
    targets = targets_of(source, job.recipe, path)
    known = {} if ledger is None else {t.place: ledger.finished(t, job) for t in targets}
    finished = {place: report for place, report in known.items() if report is not None}
    check_free(targets, overwrite=overwrite, finished=finished)
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
    ledger: Ledger | None = None,
) -> list[Path]:
    """Refuse outputs that could not be written, before any work begins.

    Args:
        source: The video.
        recipe: Its exports count.
        path: The main output.
        overwrite: Whether existing outputs are replaced.
        ledger: Knows what earlier runs wrote: that may stay, if the masks have not changed.

    Returns:
        The places of all outputs.

    Raises:
        EncodeError: One exists, is the source itself, has no known format, cannot hold what the
            recipe makes, or its folder is missing or read-only.
    """
    targets = targets_of(source, recipe, path)
    kept = [t.place for t in targets if ledger is not None and ledger.may_be_finished(t, recipe)]
    check_free(targets, overwrite=overwrite, finished=kept)
    return [target.place for target in targets]


def mattes_of(job: RenderJob, plan: RenderPlan, source: Source) -> RenderMattes:
    """The mattes that a render needs."""
    return RenderMattes(
        job.tracks,
        [(step, objects_of(step, job.names)) for step in plan.mattes],
        (source.info.width, source.info.height),
        range(job.in_frame, job.out_frame),
        window_of(plan),
        Pictures(source, window_of(plan)),
    )


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
        self._frames = range(job.in_frame, job.out_frame)
        self._mattes = mattes_of(job, plan, source)
        self._pictures: list[tuple[Target, Sink]] = []
        self._masks: list[tuple[Target, PaletteFolder]] = []
        self._written: list[Sink | PaletteFolder] = []
        self._targets = targets
        self.effects: tuple[Mapping[str, Any], ...] = ()
        self._stack = stack
        self._acted = Acted() if plan.verify is not None else None
        for target in targets:
            self._open(target, overwrite=overwrite)

    def _open(self, target: Target, *, overwrite: bool) -> None:
        if target.format is None:
            job = self._job
            folder = PaletteFolder(
                target.place, job.tracks, self._frames, names=job.names, overwrite=overwrite
            )
            self._masks.append((target, folder))
            self._written.append(folder)
        else:
            sink = self._sink(target, overwrite=overwrite)
            self._pictures.append((target, sink))
            self._written.append(sink)
        # After an error; once it is published there is nothing to discard.
        self._stack.callback(self._written[-1].discard)

    def _sink(self, target: Target, *, overwrite: bool) -> Sink:
        step = target.step
        return open_sink(
            target.written,
            source=self._source,
            format=target.format,
            needs_alpha=self._job.recipe.needs_alpha,
            start=self._frames.start,
            stop=self._frames.stop,
            copy_streams=step.copy_sound,
            copy_metadata=step.copy_metadata,
            overwrite=overwrite,
            codec_options={name: str(value) for name, value in step.codec_options.items()},
        )

    def write(self, progress: Progress | None) -> None:
        """Every frame into every output; without pictures to write, nothing is decoded."""
        total = len(self._frames)
        if not self._pictures:
            for done, index in enumerate(self._frames, start=1):
                self._write_masks(index)
                if progress is not None:
                    progress(done, total)
            return
        args = (self._source, self._job, self._plan, self._mattes, self._stack, self._acted)
        chain = Chain(*args)
        for done, frame in enumerate(chain.frames(), start=1):
            for _, sink in self._pictures:
                sink.write(frame)
            self._write_masks(frame.index)
            if progress is not None:
                progress(done, total)
        self.effects = tuple(chain.reports())

    def _write_masks(self, index: int) -> None:
        if self._masks:
            steps = len(self._plan.mattes)
            mattes = {i: self._mattes.matte((i,), index, steps) for i in self._job.names}
            for _, folder in self._masks:
                folder.write(index, mattes)

    def complete(self, verifying: Progress | None) -> list[Entry]:
        """Complete and verify every output, and say what it holds."""
        for written in self._written:
            written.complete()
        verified = self._verified(verifying)
        entries = {target.place: self._mask_entry(target, folder) for target, folder in self._masks}
        for target, sink in self._pictures:
            with open_source(sink.hidden) as again:
                info = again.info
            report = OutputReport(
                path=sink.path,
                what="picture",
                frame_count=info.frame_count,
                pixel_format=info.layout.name,
                notes=tuple(sink.notes),
                verified=verified.get(target.place),
            )
            entries[target.place] = Entry(target, sink.hidden, report)
        return [entries[target.place] for target in self._targets]

    def _mask_entry(self, target: Target, folder: PaletteFolder) -> Entry:
        report = OutputReport(
            path=folder.path,
            what="masks",
            frame_count=len(self._frames),
            pixel_format=MASKS_PIXEL_FORMAT,
        )
        return Entry(target, folder.hidden, report)

    def _verified(self, verifying: Progress | None) -> dict[Path, Verified]:
        if self._acted is None or self._plan.verify is None:
            return {}
        total = len(self._frames) * len(self._pictures)
        done = 0

        def advance() -> None:
            nonlocal done
            done += 1
            if verifying is not None:
                verifying(done, total)

        args = (self._frames, self._acted, self._plan.verify, advance)
        return {
            target.place: verify_output(self._source, sink, *args)
            for target, sink in self._pictures
        }

    def publish(self) -> None:
        """Give every output its name."""
        for written in self._written:
            written.publish()
