"""Where a recipe's outputs go, and what is refused of that before any work begins."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from tam_edit.errors import EncodeError
from tam_edit.inpaint import check_bundle_folder
from tam_edit.media import (
    OUTPUT_FORMATS,
    OutputFormat,
    Source,
    check_exr,
    check_place,
    check_streams,
    format_for,
    is_folder_target,
    is_taken,
    matte_format_for,
    place_of,
)
from tam_edit.recipe import ExportStep, Recipe, export_path
from tam_edit.render.palette import check_mask_folder

VIDEO_EXTENSIONS = frozenset(end for each in OUTPUT_FORMATS.values() for end in each.extensions)


@dataclass(frozen=True, kw_only=True)
class Target:
    """One output.

    Attributes:
        step: What the recipe says of it.
        written: Its path as it is written: a folder's may end in a slash or be a pattern.
        place: The file or folder, absolute.
        format: How it is written; None for masks and for inpainting bundles.
        bits: Depth of its samples; None leaves it to the video and the format.
    """

    step: ExportStep
    written: str
    place: Path
    format: OutputFormat | None
    bits: int | None = None

    @property
    def is_main(self) -> bool:
        """Whether it has the name that the command gave."""
        return self.step.path is None

    @property
    def is_exr(self) -> bool:
        """Whether it is a folder of EXRs with a layer per object."""
        return self.format is not None and self.format.name == "exr"


def targets_of(source: Source, recipe: Recipe, path: str | Path) -> list[Target]:
    """Every output of a recipe, at a place where it can be written.

    Args:
        source: The video.
        recipe: Its exports count.
        path: The main output; the others lie beside it.

    Raises:
        EncodeError: One has no known format, cannot hold what the recipe makes, is the source
            itself, has no folder to lie in, or lies in or on another one.
    """
    exports = recipe.exports
    main_index = next(index for index, step in enumerate(exports) if step.path is None)
    main = _target(source, recipe, exports[main_index], str(path))
    is_folder = main.format is None or main.format.is_folder
    stem = main.place.name if is_folder else main.place.stem
    targets = []
    for index, step in enumerate(exports):
        if index == main_index:
            targets.append(main)
        else:
            beside = f"{main.place.parent}/{export_path(str(step.path), stem)}"
            targets.append(_target(source, recipe, step, beside))
    _check_apart(targets)
    return targets


def check_free(
    targets: Sequence[Target],
    *,
    overwrite: bool,
    finished: Collection[Path] = (),
    is_ours: Callable[[Target], bool] | None = None,
) -> None:
    """Refuse outputs whose names are taken, and folders of which more than ours would go.

    Args:
        targets: The outputs.
        overwrite: Whether what stands there may be replaced.
        finished: Places of outputs that an earlier run finished: they stay.
        is_ours: Whether an earlier run wrote what stands there, with whatever masks and settings.

    Raises:
        EncodeError: With all names that are taken.
    """
    left = [target for target in targets if target.place not in finished]
    taken = [str(target.place) for target in left if is_taken(target.place)]
    if taken and not overwrite:
        verb, them = ("exists", "it") if len(taken) == 1 else ("exist", "them")
        is_older = is_ours and all(is_ours(target) for target in left if is_taken(target.place))
        told = ": masks or settings have changed since" if is_older else ""
        raise EncodeError(
            f"{' and '.join(taken)} {verb} already", hint=f"add --overwrite to replace {them}{told}"
        )
    for target in left:
        if target.step.what == "masks":
            check_mask_folder(target.place, overwrite=overwrite)
        elif target.step.what == "inpaint":
            check_bundle_folder(target.place, overwrite=overwrite)


def _target(source: Source, recipe: Recipe, step: ExportStep, written: str) -> Target:
    chosen, bits, layout = None, step.bits, source.info.layout
    if step.what == "picture":
        chosen = format_for(
            written, needs_alpha=recipe.needs_alpha, name=step.format, layout=layout, bits=bits
        )
    elif step.what == "luma":
        chosen = matte_format_for(written, name=step.format, bits=bits)
        # Grey comes in 8 and 16 bits; where nothing is said, as deep as the video, if that goes.
        bits = 8 if min(bits or layout.bits, chosen.max_bits) == 8 else 16
    if chosen is not None and chosen.name == "exr":
        options = {name: str(value) for name, value in step.codec_options.items()}
        check_exr(source, options, has_picture=step.what == "picture")
    is_folder = chosen is None or chosen.is_folder
    is_named_so = Path(written).suffix.lower() in VIDEO_EXTENSIONS
    if chosen is None and is_named_so and not is_folder_target(written):
        raise EncodeError(
            f"{written} is named like a video, but a folder is written",
            hint=f"name a folder, such as {Path(written).with_suffix('')}/",
        )
    place = place_of(written, is_folder=is_folder)
    check_place(place, source, is_folder=is_folder)
    if not is_folder and source.info.kind == "file":
        check_streams(
            source.info.path,
            place.suffix,
            keeps_sound=step.has_sound,
            # Nobody reads subtitles on a matte, so none are copied there.
            keeps_extras=step.copy_metadata and step.what == "picture",
            needs_alpha=step.what == "picture" and recipe.needs_alpha,
        )
    return Target(step=step, written=written, place=place, format=chosen, bits=bits)


def _check_apart(targets: Sequence[Target]) -> None:
    for index, target in enumerate(targets):
        for other in targets[:index]:
            if target.place == other.place:
                raise EncodeError(
                    f"two exports of the recipe would both be {target.place}",
                    hint="give one of them another path, or the output another name",
                )
            pair = sorted((target.place, other.place), key=lambda place: len(place.parts))
            if pair[1].is_relative_to(pair[0]):
                raise EncodeError(
                    f"the export {pair[1]} would lie in the folder that {pair[0]} is",
                    hint="give it a path beside the output",
                )
