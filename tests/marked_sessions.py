"""Sessions whose every mask tells from which keyframe it was carried."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from tam_edit.frame import Frame
from tam_edit.models import Models
from tam_edit.models.base import Segmentation, TrackingInfo, TrackStep
from tam_edit.prompts import ObjectPrompts, Prompts
from tam_edit.session import Session
from tam_edit.testing.clips import DrawnClip
from tam_edit.tracking import LoopSettings
from tam_edit.tracks import Origin
from tam_edit.types import Matte, ObjectId

FRAMES = 16
WRONG = range(5, 12)
IGNORES_CUTS = LoopSettings(assesses=False, at_cuts="ignore", refine_below=0)


def level(keyframe: int) -> float:
    """How strong a mask is that was carried from a keyframe: it tells where it is from."""
    return 0.6 + keyframe / 50


class MarkedRun:
    """Draws the true disc as strong as the keyframe says that it goes on from."""

    def __init__(self, clip: DrawnClip, members: list[int], keyframe: int) -> None:
        self.clip, self.members, self.keyframe_index = clip, members, keyframe

    def keyframe(self, frame: Frame, mattes: Mapping[ObjectId, Matte]) -> TrackStep:
        self.members += [number for number in mattes if number not in self.members]
        self.keyframe_index = frame.index
        return self._drawn(frame, mattes)

    def step(self, frame: Frame) -> TrackStep:
        return self._drawn(frame, {})

    def prefetch(self, frame: Frame) -> None:
        """Nothing to begin with."""

    def revise(self, frame: Frame, mattes: Mapping[ObjectId, Matte]) -> None:
        raise AssertionError("nothing was to be refined")

    def cut(self) -> None:
        """It sees no cuts."""

    def forget(self, object_id: ObjectId) -> None:
        self.members.remove(object_id)

    def snapshot(self) -> bytes:
        return json.dumps([self.members, self.keyframe_index]).encode()

    def _drawn(self, frame: Frame, given: Mapping[ObjectId, Matte]) -> TrackStep:
        true = self.clip.mask(1, frame.index)
        strength = np.float32(level(self.keyframe_index))
        mattes = {n: np.where(true, strength, np.float32(0)) for n in self.members}
        is_wrong = self.keyframe_index == 0 and frame.index in WRONG
        return TrackStep(
            mattes=mattes | dict(given),
            scores=dict.fromkeys(mattes, 0.4 if is_wrong else 0.9),
            reasons=dict.fromkeys(mattes, ()),
        )


class MarkedPropagator:
    name = "marked"

    def __init__(self, clip: DrawnClip) -> None:
        self.clip = clip

    def start(self, info: TrackingInfo) -> MarkedRun:
        return MarkedRun(self.clip, [], -1)

    def resume(self, info: TrackingInfo, snapshot: bytes) -> MarkedRun:
        members, keyframe = json.loads(snapshot)
        return MarkedRun(self.clip, members, keyframe)


class Box:
    """Answers with the whole picture's left part, as wide as there are clicks."""

    name = "box"

    def segment(
        self, frame: Frame, prompts: Prompts, previous: Matte | None = None
    ) -> Segmentation:
        matte = np.zeros((frame.height, frame.width), np.float32)
        matte[:, : 8 * (len(prompts.positive) + 3 * len(prompts.negative))] = 1
        if previous is not None:
            matte = np.maximum(matte, previous * np.float32(0.9))
        return Segmentation(mattes=(matte,), scores=(0.8,))


def marked_session(video: Path, clip: DrawnClip, path: Path) -> Session:
    session = Session.create(video, path, model="builtin", overwrite=True)
    session.loop = IGNORES_CUTS
    propagator = MarkedPropagator(clip)
    session._models = Models(name="marked", segmenter=Box(), propagator=propagator)
    return session


def say(
    session: Session,
    clip: DrawnClip,
    frame: int,
    name: str = "disc",
    *,
    gone: bool = False,
    carries_back: bool = False,
) -> int:
    """Say where the object is; gives the decision's number."""
    said = Prompts(gone=True) if gone else Prompts(mask=np.roll(clip.mask(1, frame), frame, axis=1))
    prompts = ObjectPrompts(object_name=name, frame_index=frame, prompts=said)
    assert session.prompt(prompts, carries_back=carries_back) is not None
    return session.history()[-1].decision_id


def entries(session: Session, name: str = "disc") -> dict[int, tuple[bytes, float, Origin]]:
    """Everything that is stored of an object, by frame."""
    project = session.project
    number = project.object_id(name)
    found = {i: project.entry(number, i) for i in range(FRAMES)}
    return {
        i: (entry.matte.tobytes(), entry.score, entry.origin)
        for i, entry in found.items()
        if entry is not None
    }


def outside(stored: Mapping[int, object], frames: range) -> dict[int, object]:
    return {i: entry for i, entry in stored.items() if i not in frames}


def marked_session_again(path: Path, clip: DrawnClip) -> Session:
    session = Session.open(path)
    session._models = Models(name="marked", segmenter=Box(), propagator=MarkedPropagator(clip))
    return session
