"""The most memory that tracking holds, on 200 and on 2,000 frames of the same clip."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from machine import write_result

from tam_edit.masks.clicks import first_click
from tam_edit.testing.clips import DrawnClip, draw_clip, write_clip

LENGTHS = (200, 2000)
WIDTH, HEIGHT = 640, 360


def peak_mb(video: Path, drawn: DrawnClip, frames: int, folder: Path) -> float:
    """Peak resident memory of ``tam-edit track`` on the first frames, in MiB."""
    x, y = first_click(drawn.mask(1, 0))
    project = folder / f"{frames}.tam"
    command = [sys.executable, "-m", "tam_edit"]
    subprocess.run([*command, "new", video, "-o", project, "--out", str(frames)], check=True)
    subprocess.run([*command, "prompt", project, "--click", f"{x:g},{y:g}"], check=True)
    tracking = subprocess.Popen([*command, "track", project])
    _, status, usage = os.wait4(tracking.pid, 0)
    if status:
        sys.exit(f"tracking {frames} frames ended with status {status}")
    return usage.ru_maxrss / 1024


def main() -> None:
    """Measure both lengths and write the difference."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        drawn = draw_clip("demo", frames=LENGTHS[-1], width=WIDTH, height=HEIGHT)
        video = folder / "clip.mp4"
        write_clip(drawn, video, with_audio=False)
        peaks = {frames: round(peak_mb(video, drawn, frames, folder), 1) for frames in LENGTHS}
    result = {
        "size": [WIDTH, HEIGHT],
        "peak_rss_mb": {str(frames): peak for frames, peak in peaks.items()},
        "growth_mb": round(peaks[LENGTHS[1]] - peaks[LENGTHS[0]], 1),
    }
    write_result("tracking_memory", result)
    print(result)


if __name__ == "__main__":
    main()
