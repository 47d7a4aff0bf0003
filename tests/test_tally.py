"""What is counted of a run of tracking."""

from __future__ import annotations

from tam_edit.tracking import Tally, WayBack


def test_a_mask_that_is_made_and_changed_on_the_way_back_counts_once() -> None:
    tally = Tally()
    for index in range(4, 10):
        tally.note_made(index, [1])
    tally.filled[1] = {9, 10}
    for correction, changed in ((10, {8, 9}), (20, {2, 9}), (20, set())):
        way = WayBack(object_id=1, correction=correction, first=0, reached=correction)
        way.changed |= changed
        tally.ways_back.append(way)
    other = WayBack(object_id=2, correction=5, first=0, reached=5)
    other.changed |= {4}
    tally.ways_back.append(other)
    assert tally.new_count == len({2, *range(4, 11)}) + 1
