"""The command line as a process of its own that notes every frame it is done with."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

# A line is in the file when the frame is done, whatever becomes of the process: "tracked" when its
# masks are in the project, "committed" when they and all before them would outlive a kill, and
# "written" when it was handed to the encoder. An output is "naming" when it is complete and "named"
# when it stands under its name; the index is the number of the output then. At the note that is
# asked for the process kills itself.
NOTING = """
import itertools, os, signal, sys, time
from tam_edit._cli import main
from tam_edit.media.sink import Sink
from tam_edit.project import Project
from tam_edit.project.store import Store

notes = os.open(sys.argv[1], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
append, commit, write, publish = Project.append, Store.commit, Sink.write, Sink.publish
newest = None
outputs = itertools.count()

def note(what, index):
    os.write(notes, f"{what} {index} {time.monotonic()}\\n".encode())
    if [what, str(index)] == sys.argv[2:4]:
        os.kill(os.getpid(), signal.SIGKILL)

def noting_append(self, frame_index, entries, snapshot=None):
    global newest
    if snapshot is not None:
        newest = frame_index
    append(self, frame_index, entries, snapshot)
    if snapshot is not None:
        note("tracked", frame_index)

def noting_commit(self):
    commit(self)
    if newest is not None:
        note("committed", newest)

def noting_write(self, frame):
    write(self, frame)
    note("written", frame.index)

def noting_publish(self):
    number = next(outputs)
    note("naming", number)
    publish(self)
    note("named", number)

Project.append, Store.commit = noting_append, noting_commit
Sink.write, Sink.publish = noting_write, noting_publish
main(sys.argv[4:])
"""


@dataclass(frozen=True)
class Note:
    """One frame, or one output, that was done."""

    what: str
    index: int
    time_s: float


def begin(
    notes: Path, *arguments: str | Path, killed_at: tuple[str, int] = ("", 0)
) -> subprocess.Popen[str]:
    """Begin ``tam-edit`` with these arguments; it adds its notes to those of before.

    Args:
        notes: The file of notes.
        arguments: Of the command line.
        killed_at: The note, and its index, after which the process kills itself.
    """
    return subprocess.Popen(
        [sys.executable, "-c", NOTING, str(notes), *map(str, (*killed_at, *arguments))],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def read(notes: Path) -> list[Note]:
    """Every frame that was ever done, in that order."""
    if not notes.exists():
        return []
    # A line is written at once, so none is half there.
    words = [line.split() for line in notes.read_text().splitlines()]
    return [Note(what, int(index), float(at)) for what, index, at in words]
