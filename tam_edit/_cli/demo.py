"""``tam-edit demo``: the main job on a drawn clip whose masks are known."""

from __future__ import annotations

import statistics
from pathlib import Path

import click

from tam_edit._cli import work
from tam_edit._cli.command import Command
from tam_edit._cli.console import Output, output_options
from tam_edit._cli.tracking import track
from tam_edit._cli.written import rendered_json
from tam_edit.errors import EncodeError
from tam_edit.export import write_strip
from tam_edit.masks.clicks import first_click, next_click
from tam_edit.masks.measure import boundary_f, region_similarity
from tam_edit.presets import load_preset
from tam_edit.project import PROJECT_SUFFIX
from tam_edit.prompts import ObjectPrompts, Prompts
from tam_edit.session import Session
from tam_edit.testing.clips import DrawnClip, draw_clip, write_clip

PRESET = "blur-object"
OBJECT_ID = 1
CLICKS = 2
STRIP_COLUMNS = 4


@click.command("demo", cls=Command)
@click.option(
    "-o",
    "--output",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("tam-edit-demo"),
    show_default=True,
)
@output_options
def command(folder: Path, output: Output) -> None:
    """Draw a clip with known masks, run the main job on it and score the result."""
    drawn = draw_clip("demo")
    clip, result = folder / "clip.mp4", folder / "blurred.mp4"
    strip, project = folder / "before-after.png", folder / f"clip{PROJECT_SUFFIX}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise EncodeError(
            f"{folder}: this folder cannot be made ({error.strerror})",
            hint="name a place that can be written to: tam-edit demo -o DIR",
        ) from error
    write_clip(drawn, clip)
    output.say(f"drew {clip}: {len(drawn)} frames of {drawn.width}x{drawn.height}, with sound")
    with Session.create(clip, project, overwrite=True) as session:
        keyframe_score = _click(session, drawn, output)
        tracked = track(session, output)
        recipe = load_preset(PRESET)
        report = work.render(session, recipe, result, output, on_doubt="stop", overwrite=True)
        j, f = _score(session, drawn)
    write_strip(clip, result, _spread(len(drawn)), strip)
    output.say(
        f"the masks against the drawn truth: J {j:.3f}, F {f:.3f} (1 is perfect; "
        f"from {CLICKS} clicks on the first frame)"
    )
    files = {"clip": clip, "result": result, "strip": strip, "project": project}
    for name, path in files.items():
        output.say(f"{name:<8}{path.resolve()}")
    output.result(
        {
            "mean": {"j": round(j, 4), "f": round(f, 4), "jf": round((j + f) / 2, 4)},
            "keyframe_score": round(keyframe_score, 4),
            "tracking": tracked,
            **rendered_json(report),
            "files": {name: str(path.resolve()) for name, path in files.items()},
        }
    )


def _click(session: Session, drawn: DrawnClip, output: Output) -> float:
    """Click as a person would: on the object's middle, then on the largest error."""
    truth = drawn.mask(OBJECT_ID, 0)
    prompts = Prompts(positive=(first_click(truth),))
    score = 0.0
    for _ in range(CLICKS):
        keyframe = session.prompt(
            ObjectPrompts(object_name=drawn.names[0], frame_index=0, prompts=prompts)
        )
        if keyframe is None:
            break
        score = keyframe.score
        matte = session.project.track(OBJECT_ID).matte(0, drawn.width, drawn.height)
        point, is_positive = next_click(truth, matte > 0.5)
        prompts = Prompts(positive=(point,)) if is_positive else Prompts(negative=(point,))
    output.say(f"clicked {drawn.names[0]!r} on frame 0 (score {score:.2f})")
    return score


def _score(session: Session, drawn: DrawnClip) -> tuple[float, float]:
    track = session.project.track(OBJECT_ID)
    js, fs = [], []
    for index in range(len(drawn)):
        mask = track.matte(index, drawn.width, drawn.height) > 0.5
        truth = drawn.mask(OBJECT_ID, index)
        js.append(region_similarity(mask, truth))
        fs.append(boundary_f(mask, truth))
    return statistics.mean(js), statistics.mean(fs)


def _spread(count: int) -> list[int]:
    last = count - 1
    return [round(i * last / (STRIP_COLUMNS - 1)) for i in range(STRIP_COLUMNS)]
