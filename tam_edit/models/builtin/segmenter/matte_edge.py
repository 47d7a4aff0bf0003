"""From a rough mask to a soft matte whose edge lies on the picture's edge."""

from __future__ import annotations

import cv2
import numpy as np

from tam_edit.masks.guided import Floats, guided_filter
from tam_edit.types import Matte


def to_matte(guide: Floats, rough: Matte, radius_px: int) -> Matte:
    """Fit a matte from a smaller picture to the edges of the full one.

    Args:
        guide: float32 (H, W, 3) in [0, 1], the full picture.
        rough: float32 (H, W), the matte brought to that size by interpolation.
        radius_px: How far the soft edge reaches.
    """
    soft = guided_filter(guide, rough, radius_px, 1e-4)
    sharp = np.clip((soft - 0.5) * 1.6 + 0.5, 0, 1)
    near = cv2.blur(rough, (2 * radius_px + 1, 2 * radius_px + 1))
    return np.where(near <= 0, 0, np.where(near >= 1, 1, sharp)).astype(np.float32)
