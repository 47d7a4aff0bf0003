"""Which video a project belongs to."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any, cast

from tam_edit.errors import OpenError, ProjectError
from tam_edit.media import Source, SourceIdentity, identify, open_source
from tam_edit.project.document import Project


def video_record(source: Source, fps: Fraction | None) -> dict[str, object]:
    """What a project keeps of its video, for ``Project.create``.

    Args:
        source: The video.
        fps: The rate that a folder of frames is taken at, where somebody said one.
    """
    return {
        "path": str(source.info.path),
        "fps": None if fps is None else str(fps),
        "identity": identify(source).to_json(),
    }


def open_video(project: Project, video: str | Path | None = None) -> Source:
    """The project's video, after a look at whether it still is the same one.

    Where it is found is kept. If it has gone from where it was, it is looked for under its name
    beside the project.

    Args:
        project: The project.
        video: Where it is now; where the project says it was, if left out.

    Raises:
        ProjectError: It is another video, or not found.
    """
    stored = project.source
    known = str(stored["path"])
    place = known if video is None else str(video)
    beside = project.path.with_name(Path(known).name)
    if video is None and not Path(known).exists() and beside.exists():
        place = str(beside)
    fps = None if stored["fps"] is None else Fraction(str(stored["fps"]))
    try:
        source = open_source(place, fps=fps)
    except OpenError as error:
        if video is not None or Path(place).exists():
            raise
        raise ProjectError(
            f"the video of {project.path} is not at {place} any more",
            hint=f"say where it is now: tam-edit relink {shlex.quote(str(project.path))} VIDEO",
        ) from error
    identity = SourceIdentity.from_json(cast("Mapping[str, Any]", stored["identity"]))
    difference = identity.difference(identify(source))
    if difference:
        source.close()
        raise ProjectError(
            f"{project.path} is a project of another video than {place} ({difference})",
            hint="say where the video is that it was made for: tam-edit relink "
            f"{shlex.quote(str(project.path))} VIDEO",
        )
    if str(source.info.path) != known:
        project.relink(str(source.info.path))
    return source
