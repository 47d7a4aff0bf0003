"""What XMem's process holds after 200 and after 2,000 frames, with long-term memory."""

import os
import resource
import subprocess
import sys
from pathlib import Path

from drawn_xmem import drawn_frame, drawn_matte, drawn_xmem
from machine import write_result

from tam_edit.models.base import TrackingInfo

LENGTHS = (200, 2000)
WIDTH, HEIGHT = 170, 96
PROMISED_GROWTH_MB = 60


def track(frames: int) -> None:
    """Track and print what is held at the end, at most, and how many tokens that are."""
    run = drawn_xmem().start(TrackingInfo(width=WIDTH, height=HEIGHT))
    run.keyframe(drawn_frame(0, WIDTH, HEIGHT), {1: drawn_matte(WIDTH, HEIGHT)})
    for index in range(1, frames):
        run.step(drawn_frame(index, WIDTH, HEIGHT))
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    resident_kb = int(status.partition("VmRSS:")[2].split()[0])
    peak_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    tokens = run._tracker.state.memory.by_kind()
    print(
        resident_kb / 1024,
        peak_kb / 1024,
        sum(n for n, _ in tokens.values()),
        tokens["long_term"][0],
    )


def main() -> None:
    """Measure both lengths, each in a process of its own, and write the difference."""
    load = os.getloadavg()[0]
    held = {}
    for frames in LENGTHS:
        command = [sys.executable, __file__, str(frames)]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
        resident, peak, tokens, long_term = map(float, done.stdout.split())
        held[frames] = {
            "resident_mb": round(resident, 1),
            "peak_mb": round(peak, 1),
            "tokens": int(tokens),
            "long_term_tokens": int(long_term),
        }
    growth = held[LENGTHS[1]]["resident_mb"] - held[LENGTHS[0]]["resident_mb"]
    result = {
        "size": [WIDTH, HEIGHT],
        "load_average_before": round(load, 2),
        "after_frames": {str(frames): figures for frames, figures in held.items()},
        "growth_mb": round(growth, 1),
        "promised_growth_mb": PROMISED_GROWTH_MB,
        "is_kept": abs(growth) <= PROMISED_GROWTH_MB,
    }
    write_result("xmem_memory", result)
    print(result)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        track(int(sys.argv[1]))
    else:
        main()
