"""XMem as a propagator: frames and mattes in and out of the tensors that it works on.

Nothing is made smaller here: the tracking size is the size that XMem sees. It was trained and is
measured at a short side of 480 pixels.

Memory has a bound that does not depend on the video's length. A picture has M = width * height /
256 tokens; at most (``most_frames`` + keyframes after the first) * M + ``most_long_term`` are held,
each 0.6 KB and 2 KB more per object (published widths, float32); so that the latest picture can be
revised, 4.6 KB a token and 1.3 KB more per object are held of it. Reading takes at most 384 MiB and
0.5 KB per token beside them; the network's own work is done for a few objects at a time. With one
object this came to 2.0 GB for the whole process at 1080p; at 4K the memory alone to 0.9 GB and
reading it to 0.5 GB.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from tam_edit.errors import InputError, ModelError
from tam_edit.frame import Frame
from tam_edit.models.base import Affinity, TrackingInfo, TrackStep
from tam_edit.models.checkpoint import LOWER_SIZE, memory_guard
from tam_edit.models.runs import check_mattes, check_revision
from tam_edit.models.xmem.evidence import FrameEvidence, ObjectEvidence, assess, collect
from tam_edit.models.xmem.memory import Memory, MemorySettings
from tam_edit.models.xmem.network import TOKEN_PX, XMem
from tam_edit.models.xmem.snapshot import Identity, pack, unpack
from tam_edit.models.xmem.tracker import Drawn, PassState, Tracker
from tam_edit.types import Matte, ObjectId

Precision = Literal["auto", "full", "half"]

# ImageNet's, for channels in [0, 1].
CHANNEL_MEANS = (0.485, 0.456, 0.406)
CHANNEL_DEVIATIONS = (0.229, 0.224, 0.225)


class XMemPropagator:
    """Tracks with XMem.

    Args:
        network: The weights; they decide the device and the numbers' type.
        settings: How much is remembered.
        precision: ``half`` computes convolutions in half precision (float16, on the CPU
            bfloat16), ``full`` in the weights' own type; ``auto`` is ``half`` on CUDA only.
        name: What the project calls it.
    """

    def __init__(
        self,
        network: XMem,
        *,
        settings: MemorySettings | None = None,
        precision: Precision = "auto",
        name: str = "xmem",
    ) -> None:
        self.name = name
        self.network = network
        self.settings = settings or MemorySettings()
        self._weights: int | None = None
        device = network.decoder.pred.weight.device.type
        self._half: torch.dtype | None = None
        if precision == "half" or (precision == "auto" and device == "cuda"):
            self._half = torch.bfloat16 if device == "cpu" else torch.float16

    def start(self, info: TrackingInfo) -> XMemRun:
        """Begin a pass."""
        return self._run(info, PassState(Memory(self.settings)))

    def resume(self, info: TrackingInfo, snapshot: bytes) -> XMemRun:
        """Go on where ``snapshot`` was taken, to the same mattes as an undisturbed run.

        Raises:
            ModelError: The snapshot is damaged or of another model, version, size, checkpoint,
                precision or memory setting.
        """
        device = self.network.decoder.pred.weight.device
        return self._run(info, unpack(self.identity(info), snapshot, device))

    def identity(self, info: TrackingInfo) -> Identity:
        """What a snapshot of this propagator's runs belongs to."""
        if self._weights is None:
            self._weights = _checksum(self.network)
        dtype = self._half or self.network.decoder.pred.weight.dtype
        return Identity(
            info=info,
            settings=self.settings,
            weights=self._weights,
            precision=str(dtype).removeprefix("torch."),
        )

    def _run(self, info: TrackingInfo, state: PassState) -> XMemRun:
        tracker = Tracker(self.network, state, shares_pixels=info.shares_pixels, half=self._half)
        return XMemRun(self, info, tracker)


class XMemRun:
    """One pass of XMem over consecutive frames, forward or backward.

    Attributes:
        evidence: What the latest frame's masks come from; None before the first frame and right
            after resuming.
    """

    def __init__(self, propagator: XMemPropagator, info: TrackingInfo, tracker: Tracker) -> None:
        self.evidence: FrameEvidence | None = None
        self._propagator = propagator
        self._info = info
        self._tracker = tracker
        self._index: int | None = None
        across, down = -info.width % TOKEN_PX, -info.height % TOKEN_PX
        self._left, self._top = across // 2, down // 2
        self._padding = (self._left, across - self._left, self._top, down - self._top)

    def keyframe(self, frame: Frame, mattes: Mapping[ObjectId, Matte]) -> TrackStep:
        """Take given mattes as the truth on this frame and carry the other objects to it.

        Args:
            frame: The next frame of the pass.
            mattes: Per object, float32 (height, width) in [0, 1]; an empty one says that the
                object is not in the picture.

        Raises:
            InputError: A matte is not of the tracking size, or none is given on the first frame.
            ModelError: The network's output is not finite.
            OutOfMemoryError: The device is too small for the tracking size.
        """
        check_mattes(self._info, frame, mattes)
        if not mattes and self._tracker.state.step < 0:
            raise InputError(f"a pass begins with a mask, but frame {frame.index} has none")
        return self._advance(frame, mattes)

    def step(self, frame: Frame) -> TrackStep:
        """Carry every object to the next frame of the pass.

        Raises:
            InputError: The pass has not begun with a keyframe.
            ModelError: The network's output is not finite.
            OutOfMemoryError: The device is too small for the tracking size.
        """
        return self.keyframe(frame, {})

    def prefetch(self, frame: Frame) -> None:
        """Nothing is begun beside: the network already works on every thread."""

    def revise(self, frame: Frame, mattes: Mapping[ObjectId, Matte]) -> None:
        """Take better mattes of the latest frame, so that the following frames profit.

        Where the frame was remembered, what it says of its objects is replaced; elsewhere the
        frame becomes one that is remembered. It is condensed as any other. Objects that are not
        named keep their masks of that frame. Revising twice is revising at once.

        Args:
            frame: The frame of the latest ``step`` or ``keyframe``.
            mattes: Per object that was carried to it, float32 (height, width) in [0, 1].

        Raises:
            InputError: A matte is not of the tracking size or of an object that was not carried
                to this frame, or this is not the latest frame: ``revise`` comes after a step of
                the same run, before a cut and not right after resuming.
            OutOfMemoryError: The device is too small for the tracking size.
        """
        check_mattes(self._info, frame, mattes)
        latest = self._tracker.latest
        check_revision(
            frame,
            mattes.keys(),
            latest=self._index,
            carried=() if latest is None else latest.carried,
        )
        with self._memory_guard():
            self._tracker.revise(self._picture(frame), self._tensors(mattes))

    def cut(self) -> None:
        """Say that the next frame belongs to another shot; what is remembered stays."""
        self._index = None
        self._tracker.cut()

    def forget(self, object_id: ObjectId) -> None:
        """Drop an object from the run; one that it does not know is no matter."""
        self._tracker.forget(object_id)

    def snapshot(self) -> bytes:
        """Everything that influences the next frame, as safetensors bytes."""
        return pack(self._propagator.identity(self._info), self._tracker.state)

    def _advance(self, frame: Frame, mattes: Mapping[ObjectId, Matte]) -> TrackStep:
        with self._memory_guard():
            drawn = self._tracker.advance(self._picture(frame), self._tensors(mattes))
            told = {n: self._cropped(mask) for n, mask in drawn.masks.items()}
        for number, matte in told.items():
            if not np.isfinite(matte).all():
                raise ModelError(
                    f"XMem's output for object {number} is not finite on frame {frame.index}: "
                    "its numbers overflowed or the weights are damaged",
                    hint="track in full precision, or fetch the weights again",
                )
        evidence = {
            n: self._weighed(matte, drawn, n) for n, matte in told.items() if n not in mattes
        }
        self._index = frame.index
        self.evidence = self._summary(evidence)
        verdicts = {n: assess(e) for n, e in evidence.items()}
        return TrackStep(
            mattes=told | {n: np.asarray(m, np.float32) for n, m in mattes.items()},
            scores={n: verdicts[n][0] if n in verdicts else 1.0 for n in told},
            reasons={n: verdicts[n][1] if n in verdicts else () for n in told},
            affinity={
                n: Affinity(inside=self._spread(e.inside), anchored=self._spread(e.anchored))
                for n, e in evidence.items()
            },
        )

    def _picture(self, frame: Frame) -> Tensor:
        """The frame as the network wants it, (1, 3, H, W) with sides that tokens fill."""
        rgb = torch.from_numpy(np.array(frame.scaled(self._info.width, self._info.height)))
        example = self._propagator.network.decoder.pred.weight
        shares = rgb.to(example.device).permute(2, 0, 1).to(example.dtype) / 255
        mean = shares.new_tensor(CHANNEL_MEANS)[:, None, None]
        deviation = shares.new_tensor(CHANNEL_DEVIATIONS)[:, None, None]
        return self._padded((shares - mean) / deviation)[None]

    def _padded(self, maps: Tensor) -> Tensor:
        return functional.pad(maps.to(self._propagator.network.decoder.pred.weight), self._padding)

    def _tensors(self, mattes: Mapping[ObjectId, Matte]) -> dict[ObjectId, Tensor]:
        return {n: self._padded(torch.from_numpy(np.array(m))) for n, m in mattes.items()}

    def _cropped(self, mask: Tensor) -> Matte:
        matte: Matte = mask[self._inner].float().cpu().numpy().copy()
        return matte

    def _spread(self, tokens: NDArray[np.float32]) -> Matte:
        """A number per token as one per pixel; sums of shares may pass 1 in the last bit."""
        pixels = tokens.repeat(TOKEN_PX, axis=0).repeat(TOKEN_PX, axis=1)
        return np.clip(pixels[self._inner], 0, 1)

    def _memory_guard(self) -> AbstractContextManager[None]:
        size = f"{self._info.width}x{self._info.height}"
        return memory_guard(f"there is not enough memory to track at {size}", LOWER_SIZE)

    @property
    def _inner(self) -> tuple[slice, slice]:
        """The picture inside its padding."""
        rows = slice(self._top, self._top + self._info.height)
        return rows, slice(self._left, self._left + self._info.width)

    def _weighed(self, matte: Matte, drawn: Drawn, number: ObjectId) -> ObjectEvidence:
        answer = drawn.answers[number]
        coverage = functional.avg_pool2d(drawn.masks[number][None], TOKEN_PX)[0]
        maps = (coverage, answer.inside, answer.anchored, answer.entropy)
        shape = coverage.shape
        return collect(matte, *(m.view(shape).float().cpu().numpy().copy() for m in maps))

    def _summary(self, objects: Mapping[ObjectId, ObjectEvidence]) -> FrameEvidence:
        memory = self._tracker.state.memory
        kinds = memory.by_kind()
        return FrameEvidence(
            objects=objects,
            memory={name: count for name, (count, _) in kinds.items()},
            usage={name: usage for name, (_, usage) in kinds.items()},
            left=self._left,
            top=self._top,
        )


def _checksum(network: XMem) -> int:
    total = 0
    for tensor in network.state_dict().values():
        total = zlib.crc32(tensor.cpu().contiguous().numpy().tobytes(), total)
    return total
