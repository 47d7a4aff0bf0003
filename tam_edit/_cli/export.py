"""``tam-edit export``: masks for editing programs, inpainting models and data sets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from tam_edit._cli import work
from tam_edit._cli.command import Command
from tam_edit._cli.console import Output, output_options
from tam_edit._cli.options import OutputPath, overwrite_option
from tam_edit.export import EXPORT_FORMATS, MATTE_FLAGS, ExportOptions, format_called
from tam_edit.media import COMPRESSIONS, TRANSFERS, USUAL_COMPRESSION
from tam_edit.review.words import counted
from tam_edit.session import Session

# Options of the command line with the names that they have in ``ExportOptions``.
SPECIAL = {
    **MATTE_FLAGS,
    "steady_frames": "--steady",
    "lama": "--lama",
    "mattes": "--matte",
    "alpha": "--alpha",
    "bits": "--bits",
    "compression": "--compression",
    "picture": "--picture",
    "transfer": "--transfer",
}
FORMATS_HELP = "\n\n".join(f"{fmt.name}: {fmt.summary}." for fmt in EXPORT_FORMATS.values())


class _ExportCommand(Command):
    """A command that says where a part is written, for it writes none."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse as usual, once it is clear that all frames are meant."""
        if {"--in", "--out"} & {argument.split("=", 1)[0] for argument in args}:
            raise click.UsageError(
                "export writes every frame of the project; a part is written by tam-edit render, "
                "such as with --preset remove-background --in T --out T",
                ctx=ctx,
            )
        return super().parse_args(ctx, args)


@click.command("export", cls=_ExportCommand, epilog=FORMATS_HELP)
@click.argument("project", type=click.Path(path_type=Path), metavar="SHOT.tam")
@click.option("--as", "format_name", required=True, metavar="FORMAT", help="One of those below.")
@click.option(
    "-o",
    "--output",
    "target",
    required=True,
    type=OutputPath(),
    metavar="OUT",
    help="File or folder.",
)
@click.option(
    "--object", "objects", multiple=True, metavar="NAME", help="Only this object; repeatable."
)
@click.option("--each", is_flag=True, help="A file or folder for each object: OUT_NAME.")
@click.option(
    "--handles",
    type=click.IntRange(min=0),
    default=0,
    metavar="N",
    help="Frames before the in and after the out point, without masks, as far as there are any; "
    "all formats but timelines, which show those of the mattes exported before.",
)
@click.option(
    "--grow",
    "grow_px",
    type=float,
    metavar="PX",
    help="Pictures, inpaint: let mattes reach so far past the object; pictures: into it below 0.",
)
@click.option("--feather", "feather_px", type=float, metavar="PX", help="Pictures: soften edges.")
@click.option(
    "--round", "smooth_edge_px", type=float, metavar="PX", help="Pictures: round jagged edges."
)
@click.option(
    "--fill-holes",
    "fill_holes_frac",
    type=float,
    metavar="FRAC",
    help="Pictures: fill holes up to this share of the object.",
)
@click.option(
    "--drop-specks",
    "drop_specks_frac",
    type=float,
    metavar="FRAC",
    help="Pictures: drop pieces below this share of the object.",
)
@click.option(
    "--smooth",
    "smooth_frames",
    type=int,
    metavar="N",
    help="Pictures: average edges over N frames to each side, against flicker.",
)
@click.option(
    "--follow-edges",
    "follow_edges_frac",
    type=float,
    metavar="FRAC",
    help="Pictures: move edges to the picture's, this share of its short side at most.",
)
@click.option(
    "--closed-form",
    "closed_form_frac",
    type=float,
    metavar="FRAC",
    help="Pictures: the same for fur and hair, slowly; best together with --follow-edges.",
)
@click.option(
    "--alpha",
    type=click.Choice(["straight", "premultiplied"]),
    help="prores4444, webm-alpha, ffv1, png: straight if not given.",
)
@click.option(
    "--bits",
    type=click.Choice(["8", "10", "16"]),
    callback=lambda _context, _option, text: None if text is None else int(text),
    help="luma, prores4444, ffv1, png: bits per sample; the video's if not given.",
)
@click.option(
    "--compression",
    type=click.Choice(COMPRESSIONS),
    help=f"exr: {USUAL_COMPRESSION} if not given.",
)
@click.option(
    "--picture", is_flag=True, default=None, help="exr: the picture too, premultiplied, as light."
)
@click.option(
    "--transfer",
    type=click.Choice(list(TRANSFERS)),
    help="exr: what the video's code values mean, where it is not tagged or tagged wrongly.",
)
@click.option(
    "--steady",
    "steady_frames",
    type=click.IntRange(min=0),
    metavar="N",
    help="inpaint: masks take in those of N frames before and after; 1 if not given.",
)
@click.option("--lama", is_flag=True, default=None, help="inpaint: add LaMa's file names.")
@click.option(
    "--matte",
    "mattes",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="otio: show this matte above the video; those exported before if not given.",
)
@overwrite_option
@output_options
@click.pass_context
def command(
    context: click.Context,
    /,
    project: Path,
    format_name: str,
    target: str,
    objects: tuple[str, ...],
    each: bool,
    handles: int,
    overwrite: bool,
    output: Output,
    **special: Any,
) -> None:
    """Write the masks of SHOT.tam in a form that other programs read.

    What begins with "Pictures" is for luma, prores4444, webm-alpha, ffv1, png and exr; nothing is
    done to a matte unless it is said.
    """
    chosen = format_called(format_name)
    given = {name: value for name, value in special.items() if value not in (None, ())}
    wrong = [SPECIAL[name] for name in given if name not in chosen.options]
    if wrong:
        raise click.UsageError(f"--as {format_name} takes no {', '.join(wrong)}", context)
    with Session.open(project) as session:
        with output.progress("exporting") as progress:
            reports = session.export(
                format_name,
                target,
                objects=objects,
                each=each,
                handles=handles,
                options=ExportOptions(**given),
                overwrite=overwrite,
                progress=progress,
            )
        names = {name for report in reports for name in report.objects}
        doubtful = work.doubtful_frames(session, names)
    for report in reports:
        frames = counted(len(report.frames), "frame")
        output.say(f"wrote {report.path}: {frames} of {', '.join(report.objects)}")
        for text in report.notes:
            output.note(text)
    work.note_doubtful(doubtful, project, output)
    output.result(
        {
            "exports": [report.as_json() for report in reports],
            "doubtful_frames": doubtful,
        }
    )
