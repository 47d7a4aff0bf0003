"""What light, lens, sensor and compression do to a clip's frames."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from training.motions import wander

Frames = NDArray[np.uint8]
Float = NDArray[np.float32]


def relit(frames: Frames, rng: np.random.Generator, pace: float) -> Frames:
    """Brightness, contrast and colour that change along the clip, and a shadow that wanders."""
    gain, gamma = wander(rng, 0.25), wander(rng, 0.3)
    tints = [wander(rng, 0.08) for _ in range(3)]
    shadow_x, shadow_y = wander(rng, 0.6), wander(rng, 0.6)
    depth = rng.uniform(0, 0.5) * (rng.random() < 0.5)
    height, width = frames.shape[1:3]
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    slope = rng.uniform(-1, 1, 2)
    start = rng.uniform(0.2, 0.8, 2)
    lit = np.empty_like(frames)
    for t, frame in enumerate(frames):
        time = t * pace
        levels = frame.astype(np.float32) / 255
        levels = levels ** np.float32(np.exp(gamma.at(time)))
        levels *= np.exp([gain.at(time) + tint.at(time) for tint in tints]).astype(np.float32)
        if depth:
            along = (x / width - start[0] - shadow_x.at(time)) * slope[0]
            along += (y / height - start[1] - shadow_y.at(time)) * slope[1]
            levels *= (1 - depth / (1 + np.exp(-12 * along)))[..., None].astype(np.float32)
        lit[t] = np.clip(np.rint(levels * 255), 0, 255)
    return lit


def softened(frame: Frames, sigma: float) -> Frames:
    """A frame out of focus."""
    return np.asarray(cv2.GaussianBlur(frame, (0, 0), sigma), np.uint8)


def noisy(frame: Frames, rng: np.random.Generator, strength: float) -> Frames:
    """Sensor noise: a part that is the same everywhere and one that grows with the light.

    Args:
        frame: uint8 (h, w, 3).
        rng: Draws the noise.
        strength: Standard deviation of the noise at full light, of 255.
    """
    levels = frame.astype(np.float32)
    spread = strength * (0.3 + 0.7 * np.sqrt(levels / 255))
    drawn = rng.standard_normal(frame.shape, dtype=np.float32)
    return np.asarray(np.clip(np.rint(levels + spread * drawn), 0, 255), np.uint8)


def compressed(frame: Frames, quality: int) -> Frames:
    """A frame after JPEG compression.

    Args:
        frame: uint8 (h, w, 3) RGB.
        quality: 1 … 100.
    """
    bgr = cv2.cvtColor(frame, cv2.COLOR_RGB2BGR)
    _, stored = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])
    read = cv2.imdecode(stored, cv2.IMREAD_COLOR)
    return np.asarray(cv2.cvtColor(np.asarray(read, np.uint8), cv2.COLOR_BGR2RGB), np.uint8)


def recolored(rgb: Frames, rng: np.random.Generator, strength: float) -> Frames:
    """A picture with other hue, saturation and brightness, by random amounts."""
    hsv = np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2HSV), np.float32)
    hsv[..., 0] = (hsv[..., 0] + rng.uniform(-90, 90) * strength) % 180
    hsv[..., 1] *= np.exp(rng.uniform(-0.7, 0.4) * strength)
    hsv[..., 2] *= np.exp(rng.uniform(-0.5, 0.4) * strength)
    return np.asarray(cv2.cvtColor(np.clip(hsv, 0, 255).astype(np.uint8), cv2.COLOR_HSV2RGB))
