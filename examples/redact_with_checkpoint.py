"""Cover an object with black; stop where somebody must look, correct it, and go on.

    python examples/redact_with_checkpoint.py VIDEO X,Y OUT.mp4

X,Y is a point on the object on the first frame. Frames that are asked about are best looked at on
the page that is written beside the project.
"""

import sys
from pathlib import Path

from tam_edit import ObjectPrompts, Prompts, ReviewPending, Session, load_preset


def said(frame: int, text: str) -> ObjectPrompts:
    """A point as it is typed, or that the object is gone."""
    if text == "gone":
        prompts = Prompts(gone=True)
    else:
        x, y = (float(number) for number in text.split(","))
        prompts = Prompts(positive=((x, y),))
    return ObjectPrompts(object_name="object", frame_index=frame, prompts=prompts)


def redact(video: str, point: str, out: str) -> None:
    """The whole job, with a person at the keyboard."""
    with Session.create(video, f"{out}.tam") as session:
        session.prompt(said(0, point))
        while True:
            print(f"{session.track()} frames tracked")
            try:
                print("wrote", session.render(load_preset("redact-solid"), out).path)
                break
            except ReviewPending as stop:
                print(stop)
                first, frames = stop.doubts[0], stop.doubts[0]["frames"]
            page = session.write_review(Path(out).resolve().parent.parent / "look", overwrite=True)
            print(f"Look at {page}. Is the mask right? Press Enter. If not, where is the object on")
            answer = input(f"frame {first['proposed_frame']}? X,Y, or gone: ")
            if answer:
                session.prompt(said(first["proposed_frame"], answer))
            else:
                session.approve("looked at it", frames=frames)
    Path(f"{out}.tam").unlink()


if __name__ == "__main__":
    redact(*sys.argv[1:])
