"""The main job on real footage: what must not change does not change."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from tam_edit._cli import run
from tam_edit.effect import COVER_THRESHOLD, object_size_px
from tam_edit.masks.ops import grow
from tam_edit.media import open_source
from tam_edit.project import Project

LOSSLESS = """
schema = "tam_edit.recipe/1"
title = "Blur, lossless"
[[steps]]
kind = "track"
[[steps]]
kind = "effect"
effect = "blur"
margin_px = 4
[[steps]]
kind = "export"
format = "ffv1"
"""
MARGIN_PX = 4
CLIPS = {
    "license_plate": ("--box", "490,374,576,406"),
    "01_dog": ("--box", "455,370,706,550"),
}


def sound_of(path: Path) -> list[bytes]:
    with av.open(str(path)) as container:
        packets = container.demux(container.streams.audio[0])
        return [bytes(packet) for packet in packets if packet.size]


@pytest.mark.slow
@pytest.mark.parametrize("name", CLIPS)
def test_samples_outside_the_mask_are_bit_identical(
    shared_data: Path, tmp_path: Path, name: str
) -> None:
    video = shared_data / "data" / "videos" / f"{name}.mp4"
    recipe, out, project = (tmp_path / n for n in ("lossless.toml", "out.mkv", "shot.tam"))
    recipe.write_text(LOSSLESS, encoding="utf-8")
    arguments = ["run", str(recipe), str(video), "-o", str(out), "--project", str(project)]
    assert run([*arguments, *CLIPS[name], "--out", "40", "-q"]) == 0
    with open_source(video) as before, open_source(out) as after, Project.open(project) as shot:
        track = shot.track(1)
        pairs = zip(before.frames(0, 40), after.frames(), strict=True)
        for source, shown in pairs:
            matte = track.matte(source.index, source.width, source.height)
            assert object_size_px(matte) > 10
            cover = grow(matte >= COVER_THRESHOLD, radius_px=MARGIN_PX)
            changed = source.planes[0] != shown.planes[0]
            assert not (changed & ~cover).any()
            assert changed[cover].mean() > 0.5
            # A chroma sample may change where any of the four pixels that it serves is covered.
            served = cover.reshape(source.height // 2, 2, source.width // 2, 2).any(axis=(1, 3))
            for plane in (1, 2):
                assert not ((source.planes[plane] != shown.planes[plane]) & ~served).any()
            assert abs(source.time - shown.time) <= shown.time_base / 2


@pytest.mark.slow
def test_sound_and_timestamps_come_through(shared_data: Path, tmp_path: Path) -> None:
    video, out = shared_data / "data" / "videos" / "license_plate.mp4", tmp_path / "out.mp4"
    arguments = ["run", "blur-object", str(video), "-o", str(out), *CLIPS["license_plate"]]
    assert run([*arguments, "-q"]) == 0
    assert sound_of(out) == sound_of(video)
    with open_source(video) as before, open_source(out) as after:
        assert np.array_equal(before.pts, after.pts)
        assert before.info.time_base == after.info.time_base
