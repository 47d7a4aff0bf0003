"""What checkpoints are worth: a robot follows them on sequences whose true masks are known.

The truth is used for what a person sees at a glance: whether the mask on the frame that is shown
is right, and where the next click goes.
"""

import argparse
import json
import os
import tempfile
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from machine import write_result

from tam_edit.errors import ReviewPending
from tam_edit.evaluate import Sequence, Truth, find_sequences
from tam_edit.evaluate.clicking import INSIDE_FROM, next_prompts
from tam_edit.masks.measure import boundary_f, region_similarity
from tam_edit.prompts import ObjectPrompts, Prompts
from tam_edit.recipe import Recipe, parse_recipe
from tam_edit.session import Session
from tam_edit.types import Mask

SHARED = Path(os.environ.get("TAM_EDIT_SHARED", Path(__file__).resolve().parents[2] / "shared"))
OBJECT = "object"
RIGHT_FROM = 0.9  # J from which the robot finds a mask right
MOST_CLICKS = 10  # on one frame
MOST_CORRECTIONS = 3
MOST_LOOKS = 12
WANTED_GAIN = 0.08
BEGINNINGS: dict[str, int] = {"one click": 1, "three clicks": 3, "mask": 0}
RECIPE = """
schema = "tam_edit.recipe/1"
title = "Blur, once a person has looked"
[[steps]]
kind = "track"
[[steps]]
kind = "checkpoint"
threshold = 0.75
[[steps]]
kind = "effect"
effect = "blur"
"""


class Robot:
    """Somebody who sees one frame at a time, and clicks where the mask is most wrong."""

    def __init__(self, session: Session, truth: Truth) -> None:
        self._session, self._truth = session, truth
        self._frame_count = truth.frame_count
        self.click_count = 0

    def mask(self, index: int) -> Mask:
        """What the program holds, bool (H, W)."""
        project = self._session.project
        if OBJECT not in project.objects().values():
            return np.zeros((project.height, project.width), np.bool_)
        track = project.track(project.object_id(OBJECT))
        if not track.is_tracked(index):
            return np.zeros((project.height, project.width), np.bool_)
        return track.matte(index, project.width, project.height) >= INSIDE_FROM

    def true_mask(self, index: int) -> Mask:
        """What a person sees, bool (H, W)."""
        return self._truth.masks(index)[1]

    def j(self, index: int) -> float:
        """How right the mask is."""
        return region_similarity(self.mask(index), self.true_mask(index))

    def click(self, index: int, most: int, right_from: float = RIGHT_FROM) -> int:
        """Click until the mask is right; returns the number of clicks."""
        truth = self.true_mask(index)
        if not truth.any():
            self._say(index, Prompts(gone=True))
            return 0
        for made in range(most):
            mask = self.mask(index)
            if region_similarity(mask, truth) >= right_from:
                return made
            if not self._say(index, next_prompts(truth, mask)):
                return made
            self.click_count += 1
        return most

    def paint(self, index: int) -> None:
        """Give the true mask."""
        self._say(index, Prompts(mask=self.true_mask(index)))

    def _say(self, index: int, prompts: Prompts) -> bool:
        said = ObjectPrompts(object_name=OBJECT, frame_index=index, prompts=prompts)
        return self._session.prompt(said) is not None

    def scored(self) -> dict[str, float]:
        """J and F as DAVIS-2016 defines them: without the first and the last frame."""
        j, f = [], []
        for index in range(1, self._frame_count - 1):
            mask, truth = self.mask(index), self.true_mask(index)
            j.append(region_similarity(mask, truth))
            f.append(boundary_f(mask, truth))
        mean_j, mean_f = float(np.mean(j)), float(np.mean(f))
        return {"j": mean_j, "f": mean_f, "jf": (mean_j + mean_f) / 2}


def follow(session: Session, robot: Robot, recipe: Recipe, out: Path) -> dict[str, Any]:
    """Do what the checkpoint asks, until it lets the work pass."""
    begun_with = {"clicks": robot.click_count, "j": robot.j(0)}
    tracked = session.track()
    rounds: list[dict[str, Any]] = [{**robot.scored(), "clicks": robot.click_count}]
    rounds[0]["frames_tracked"] = tracked
    looks: list[dict[str, Any]] = []
    while True:
        try:
            written = session.render(recipe, out, overwrite=True).frame_count
        except ReviewPending as stop:
            first = stop.doubts[0]
        else:
            break
        index = first["proposed_frame"]
        before = robot.j(index)
        look = {"frame": index, "lowest_score": first["worst_score"], "j_before": before}
        looks.append(look)
        if before >= RIGHT_FROM and len(looks) <= MOST_LOOKS:
            session.approve("it is right", object_name=OBJECT, frames=range(index, index + 1))
            look["approved"] = True
        elif len(rounds) <= MOST_CORRECTIONS and len(looks) <= MOST_LOOKS:
            look["clicks"] = robot.click(index, MOST_CLICKS)
            look["j_after"] = robot.j(index)
            tracked = session.track()
            rounds.append({**robot.scored(), "clicks": robot.click_count})
            rounds[-1]["frames_tracked"] = tracked
        else:
            session.approve("three corrections are enough")
            look["ended"] = True
    return {"begun": begun_with, "rounds": rounds, "looks": looks, "frames_written": written}


def one_sequence(sequence: Sequence, beginning: str) -> dict[str, Any]:
    """Everything about one sequence that is begun in one way."""
    import torch

    torch.set_num_threads(1)
    truth = Truth(sequence)
    recipe = parse_recipe(RECIPE, "the robot's recipe")
    with (
        tempfile.TemporaryDirectory(prefix="tam-edit-robot-") as folder,
        Session.create(
            sequence.frames_folder, Path(folder) / "shot.tam", model="builtin", device="cpu"
        ) as session,
    ):
        robot = Robot(session, truth)
        clicks = BEGINNINGS[beginning]
        if clicks:
            # All of them: a person who wants to be sure does not stop at the first one.
            robot.click(0, clicks, right_from=2.0)
        else:
            robot.paint(0)
        return follow(session, robot, recipe, Path(folder) / "out.mp4")


def mean_of(found: dict[str, dict[str, Any]], number: int, key: str) -> float:
    """The mean after so many corrections; where fewer were asked for, after the last one."""
    values = [one["rounds"][min(number, len(one["rounds"]) - 1)][key] for one in found.values()]
    return round(float(np.mean(values)), 4)


def summary(found: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Means over the sequences."""
    numbers = range(MOST_CORRECTIONS + 1)
    jf = [mean_of(found, number, "jf") for number in numbers]
    return {
        "jf_after_corrections": jf,
        "j_after_corrections": [mean_of(found, number, "j") for number in numbers],
        "clicks_a_sequence": [mean_of(found, number, "clicks") for number in numbers],
        "corrections": sum(len(one["rounds"]) - 1 for one in found.values()),
        "looks": sum(len(one["looks"]) for one in found.values()),
        "gain": round(jf[-1] - jf[0], 4),
    }


def rounded(value: Any) -> Any:
    """The same with numbers that a person can read."""
    if isinstance(value, dict):
        return {key: rounded(item) for key, item in value.items()}
    if isinstance(value, list):
        return [rounded(item) for item in value]
    return round(value, 4) if isinstance(value, float) else value


def main() -> None:
    """Run every beginning on every sequence, print the table and write the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=SHARED / "data" / "davis16-dev")
    parser.add_argument("--only", nargs="*", help="Names of sequences; nothing is written then.")
    parser.add_argument("--begin", nargs="*", choices=list(BEGINNINGS), default=list(BEGINNINGS))
    parser.add_argument("--jobs", type=int, default=1, help="How many sequences at a time.")
    given = parser.parse_args()
    sequences = [s for s in find_sequences(given.data) if not given.only or s.name in given.only]
    result: dict[str, Any] = {}
    with ProcessPoolExecutor(given.jobs) as pool:
        for beginning in given.begin:
            ways = [beginning] * len(sequences)
            found = {
                sequence.name: rounded(one)
                for sequence, one in zip(
                    sequences, pool.map(one_sequence, sequences, ways), strict=True
                )
            }
            result[beginning] = {**summary(found), "sequences": found}
            print(beginning, json.dumps(summary(found)), flush=True)
            for name, one in found.items():
                shown = [each["jf"] for each in one["rounds"]]
                print(f"  {name}: {shown} {json.dumps(one['looks'])}", flush=True)
    if not given.only and set(given.begin) == set(BEGINNINGS):
        keeps = result["one click"]["gain"] >= WANTED_GAIN
        write_result("checkpoint_robot", {"keeps_promise": keeps, **result})


if __name__ == "__main__":
    main()
