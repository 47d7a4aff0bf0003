"""Asking Segment Anything: pictures to embeddings, prompts to logits.

The arithmetic is that of the predictor which the network was published with (arXiv 2304.02643), so
that the same prompts lead to the same masks.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image as PillowImage
from torch import Tensor
from torch.nn import functional

from tam_edit.errors import ModelError
from tam_edit.models.checkpoint import LOWER_SIZE, memory_guard
from tam_edit.models.sam.network import IMAGE_SIDE, SMALLEST, SamNetwork
from tam_edit.types import Mask, Point

Result = TypeVar("Result")
Logits = NDArray[np.float32]

MEAN, DEVIATION = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)  # of RGB in 0..255
LOW_SIDE = 256  # of the logits that the decoder gives and of a mask prompt
STABILITY_OFFSET = 1.0  # how far the threshold is moved either way


@dataclass(frozen=True, kw_only=True, eq=False)
class Embedding:
    """What the network saw in one picture.

    Attributes:
        features: (1, 256, 64, 64) on the network's device.
        size: Columns and rows of the picture.
        inner_size: Columns and rows of the picture as the network sees it; the rest is padding.
    """

    features: Tensor
    size: tuple[int, int]
    inner_size: tuple[int, int]


@dataclass(frozen=True, kw_only=True, eq=False)
class Prediction:
    """Masks for one set of prompts, in the network's order.

    Attributes:
        logits: float32 (n, H, W) at the picture's size; above 0 lies the object.
        scores: (n,), the IoU that the network predicts for each, as it says it.
        low_logits: float32 (n, 256, 256), usable as a mask prompt.
    """

    logits: Logits
    scores: NDArray[np.float32]
    low_logits: Logits

    @property
    def masks(self) -> Mask:
        """Where the object lies, bool (n, H, W)."""
        return self.logits > 0


class SamPredictor:
    """Answers prompts on a picture that was looked at once."""

    def __init__(self, network: SamNetwork) -> None:
        self.network = network

    def encode(self, image: NDArray[np.uint8]) -> Embedding:
        """Look at a picture: nearly all of the work.

        Args:
            image: uint8 (H, W, 3) RGB.

        Raises:
            OutOfMemoryError: The device is too small.
            ModelError: The network gives something that is no number.
        """
        rows, columns = image.shape[:2]
        inner = inner_size(columns, rows)
        # Pillow's filter grows with the reduction; the network was trained on such pictures.
        small = PillowImage.fromarray(image).resize(inner, PillowImage.Resampling.BILINEAR)
        pixels = torch.tensor(np.array(small, np.float32), device=self.network.device)
        pixels = (pixels - pixels.new_tensor(MEAN)) / pixels.new_tensor(DEVIATION)
        padding = (0, IMAGE_SIDE - inner[0], 0, IMAGE_SIDE - inner[1])
        padded = functional.pad(pixels.permute(2, 0, 1)[None], padding)
        features = self._asked(lambda: self.network.image_encoder(padded))
        _check_numbers(features, "image encoder")
        return Embedding(features=features, size=(columns, rows), inner_size=inner)

    def predict(
        self,
        embedding: Embedding,
        *,
        points: Sequence[Point] = (),
        signs: Sequence[bool] = (),
        box: tuple[float, float, float, float] | None = None,
        mask: Logits | None = None,
        is_multimask: bool = False,
    ) -> Prediction:
        """Answer prompts.

        Args:
            embedding: Of the picture.
            points: Clicks in pixels of the picture.
            signs: For each click whether it lies on the object.
            box: A rectangle around the object in pixels of the picture.
            mask: float32 (256, 256), logits of a mask to start from: ``low_logits`` of an earlier
                prediction, or what ``low_logits_of`` makes of a matte.
            is_multimask: Three answers, from part to whole, instead of one.

        Raises:
            OutOfMemoryError: The device is too small.
            ModelError: The network gives something that is no number.
        """
        device = self.network.device
        clicks = box_given = mask_given = None
        if len(points):
            labels = torch.tensor([int(sign) for sign in signs], dtype=torch.int32, device=device)
            clicks = (_inner(embedding, points).to(device)[None], labels[None])
        if box is not None:
            box_given = _inner(embedding, [box[:2], box[2:]]).to(device).reshape(1, 4)
        if mask is not None:
            mask_given = torch.tensor(mask, dtype=torch.float32, device=device)[None, None]

        def answer() -> tuple[Tensor, Tensor, Tensor]:
            encoder: Any = self.network.prompt_encoder
            sparse, dense = encoder(points=clicks, boxes=box_given, masks=mask_given)
            low, scores = self.network.mask_decoder(
                image_embeddings=embedding.features,
                image_pe=encoder.get_dense_pe(),
                sparse_prompt_embeddings=sparse,
                dense_prompt_embeddings=dense,
                multimask_output=is_multimask,
            )
            return low, scores, _full_size(low, embedding)

        low, scores, full = self._asked(answer)
        _check_numbers(low, "mask decoder")
        _check_numbers(scores, "mask decoder")
        return Prediction(
            logits=full[0].cpu().numpy(),
            scores=scores[0].cpu().numpy(),
            low_logits=low[0].cpu().numpy(),
        )

    def _asked(self, question: Callable[[], Result]) -> Result:
        network = self.network
        ways = [f"{LOWER_SIZE}, which leaves it more room"]
        if network.shape.name != SMALLEST:
            ways.append("install smaller weights only (tam-edit models fetch sam_vit_b)")
        if network.device.type != "cpu":
            ways.append("take --device cpu")
        message = f"Segment Anything ({network.shape.name}) does not fit on {network.device}"
        with memory_guard(message, ", or ".join(ways)), torch.inference_mode():
            return question()


def inner_size(columns: int, rows: int) -> tuple[int, int]:
    """Columns and rows of a picture whose longer side is brought to the network's side."""
    scale = IMAGE_SIDE / max(columns, rows)
    return max(1, int(columns * scale + 0.5)), max(1, int(rows * scale + 0.5))


def low_logits_of(matte: NDArray[np.float32], certainty: float) -> Logits:
    """A matte as a mask prompt.

    Args:
        matte: float32 (H, W) in [0, 1].
        certainty: The logit of what is surely the object; less at the edge.

    Returns:
        float32 (256, 256); the padding beside the picture counts as background.
    """
    rows, columns = matte.shape
    inner = inner_size(columns, rows)
    # The network's picture at a quarter of its side, shrunk by averaging.
    wide = torch.tensor(matte, dtype=torch.float32)[None, None]
    small = functional.interpolate(wide, (inner[1], inner[0]), mode="bilinear", antialias=True)
    padded = functional.pad(small, (0, IMAGE_SIDE - inner[0], 0, IMAGE_SIDE - inner[1]))
    quarter = functional.avg_pool2d(padded, IMAGE_SIDE // LOW_SIDE)[0, 0].numpy()
    return np.asarray((2 * quarter - 1) * certainty, np.float32)


def stability(logits: Logits, offset: float = STABILITY_OFFSET) -> float:
    """How little a mask changes when its threshold is moved: 1 is not at all.

    Args:
        logits: float32 (H, W).
        offset: How far the threshold is moved up and down.

    Returns:
        IoU of the mask at the higher threshold with the one at the lower; 0 where both are empty.
    """
    wide = int(np.count_nonzero(logits > -offset))
    return int(np.count_nonzero(logits > offset)) / wide if wide else 0.0


def _inner(embedding: Embedding, coordinates: Sequence[Point]) -> Tensor:
    """Pixels of the picture as pixels of what the network sees, float32 (N, 2) as (x, y)."""
    scale = np.array(embedding.inner_size) / np.array(embedding.size)
    # Copied: the same numbers at another alignment could give another last bit.
    return torch.tensor(np.array(coordinates) * scale, dtype=torch.float32)


def _full_size(low: Tensor, embedding: Embedding) -> Tensor:
    """Logits at the picture's size, in the two steps that the network was published with."""
    columns, rows = embedding.inner_size
    side = functional.interpolate(low, (IMAGE_SIDE, IMAGE_SIDE), mode="bilinear")
    return functional.interpolate(side[..., :rows, :columns], embedding.size[::-1], mode="bilinear")


def _check_numbers(values: Tensor, part: str) -> None:
    if not bool(torch.isfinite(values).all()):
        raise ModelError(
            f"Segment Anything's {part} gave something that is no number",
            hint="tam-edit models check says whether the weights are as published",
        )
