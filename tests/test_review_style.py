"""A review page in a browser: its colours stand out, its script runs."""

from __future__ import annotations

import re
import shutil
import subprocess
from importlib import resources
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tam_edit.session import Session
from tests.review_pages import Page, yellow

CHROMIUM = shutil.which("chromium")


def luminance(color: str) -> float:
    """Relative luminance of ``#rgb`` or ``#rrggbb`` as WCAG 2 defines it."""
    digits = color.removeprefix("#")
    pairs = [c * 2 for c in digits] if len(digits) == 3 else re.findall("..", digits)
    shares = [int(pair, 16) / 255 for pair in pairs]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in shares]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def test_everything_on_the_page_stands_out_in_both_schemes() -> None:
    style = resources.files("tam_edit.review").joinpath("page.css").read_text(encoding="utf-8")
    light, dark = re.findall(r":root \{(.*?)\}", style, re.DOTALL)
    assert "prefers-color-scheme: dark" in style
    for scheme in (light, dark):
        color = dict(re.findall(r"--([a-z-]+): (#[0-9a-f]+)", scheme))
        for back in ("back", "panel"):
            for text in ("ink", "dim", "accent", "doubt"):
                assert contrast(color[text], color[back]) >= 4.5, (text, back)
            for mark in ("rule", "good"):
                assert contrast(color[mark], color[back]) >= 3, (mark, back)
        assert contrast(color["warn-ink"], color["warn-back"]) >= 7
        # The line of the scores crosses the doubtful part and what is below the threshold.
        assert contrast(color["accent"], color["low"]) >= 3


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="needs Debian's chromium: apt-get install chromium")
def test_a_browser_shows_the_page_and_its_script_runs(doubtful: Session, tmp_path: Path) -> None:
    written = doubtful.write_review(tmp_path / "page")
    shot = tmp_path / "shot.png"
    done = subprocess.run(
        [
            str(CHROMIUM),
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            f"--user-data-dir={tmp_path / 'profile'}",
            "--window-size=1200,3000",
            "--dump-dom",
            f"--screenshot={shot}",
            written.as_uri(),
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    found = Page(done.stdout)
    assert "has-script" in found.all("html")[0]["class"]
    assert "Refused to" not in done.stderr
    assert yellow(np.asarray(Image.open(shot).convert("RGB")).astype(int)).sum() > 50
