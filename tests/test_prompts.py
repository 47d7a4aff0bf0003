"""What can be said about an object, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from tam_edit.errors import InputError
from tam_edit.prompts import Prompts

WIDTH, HEIGHT = 40, 30
OBJECT = np.zeros((HEIGHT, WIDTH), bool)
OBJECT[5:9, 5:9] = True

REFUSED = {
    "right of the frame": (Prompts(positive=((40.0, 3.0),)), "outside"),
    "above the frame": (Prompts(negative=((3.0, -0.6),), positive=((1.0, 1.0),)), "outside"),
    "not a number": (Prompts(positive=((float("nan"), 3.0),)), "outside"),
    "on and not on": (Prompts(positive=((3.0, 3.0),), negative=((3.2, 2.9),)), "contradict"),
    "a box without pixels": (Prompts(box=(9, 9, 9, 12)), "holds no pixel"),
    "a box outside": (Prompts(box=(50, 3, 60, 9)), "outside"),
    "a mask of another size": (Prompts(mask=OBJECT[:, :20]), "20x30"),
    "an empty mask": (Prompts(mask=np.zeros_like(OBJECT)), "empty"),
    "only what it is not": (Prompts(negative=((3.0, 3.0),)), "there is no mask on"),
    "nothing": (Prompts(), "nothing says where"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_used_is_refused_in_one_sentence(name: str) -> None:
    prompts, words = REFUSED[name]
    with pytest.raises(InputError, match=words) as caught:
        prompts.check(WIDTH, HEIGHT, "frame 7")
    assert "frame 7" in str(caught.value)
    assert caught.value.hint


@pytest.mark.parametrize(
    ("inside", "outside", "words"),
    [
        (
            Prompts(positive=((-0.5, -0.5), (0.0, 0.0), (39.4, 29.4))),
            Prompts(positive=((0.0, 0.0), (39.5, 29.4))),
            "the click 39.5,29.4 lies outside",
        ),
        (
            Prompts(mask=OBJECT, negative=((0.0, 0.0),)),
            Prompts(mask=OBJECT, negative=((0.0, -0.6),)),
            "the click 0,-0.6 lies outside",
        ),
        (Prompts(box=(-3, -3, 3, 3)), Prompts(box=(-3, -3, 0, 3)), "lies outside"),
        (Prompts(box=(20, 3, 44, 9)), Prompts(box=(20, 3, 45, 9)), "reaches far outside"),
        (Prompts(box=(20, -3, 44, 9)), Prompts(box=(20, -4, 44, 9)), "reaches far outside"),
        (Prompts(box=(0, 0, WIDTH, HEIGHT)), Prompts(box=(0, HEIGHT, WIDTH, 40)), "outside"),
    ],
)
def test_what_lies_on_the_border_is_fine_and_what_lies_just_beyond_it_is_not(
    inside: Prompts, outside: Prompts, words: str
) -> None:
    inside.check(WIDTH, HEIGHT)
    with pytest.raises(InputError, match=words):
        outside.check(WIDTH, HEIGHT)


def test_clicks_add_up_and_a_newer_box_replaces_the_older() -> None:
    earlier = Prompts(positive=((1, 1),), negative=((2, 2),), box=(0, 0, 5, 5))
    newer = Prompts(positive=((3, 3),), box=(1, 1, 6, 6))
    both = earlier.joined(newer)
    assert (both.positive, both.negative, both.box) == (((1, 1), (3, 3)), ((2, 2),), (1, 1, 6, 6))


def test_a_newer_mask_replaces_everything() -> None:
    newer = Prompts(mask=OBJECT)
    assert Prompts(positive=((1, 1),)).joined(newer) is newer


def test_beyond_is_what_was_not_said_before() -> None:
    earlier = Prompts(positive=((1, 1),), box=(0, 0, 5, 5), mask=OBJECT)
    again = Prompts(positive=((1, 1),), box=(0, 0, 5, 5), mask=OBJECT.copy())
    assert again.beyond(earlier).is_empty
    more = Prompts(positive=((1, 1), (2, 2)), box=(0, 0, 5, 6), mask=~OBJECT)
    beyond = more.beyond(earlier)
    assert (beyond.positive, beyond.box) == (((2, 2),), (0, 0, 5, 6))
    assert beyond.mask is more.mask


def test_an_object_is_gone_or_somewhere_but_not_both() -> None:
    Prompts(gone=True).check(10, 10)
    with pytest.raises(InputError, match="gone on frame 3 and to be somewhere"):
        Prompts(gone=True, positive=((1, 1),)).check(10, 10, "frame 3")
    with pytest.raises(InputError, match="to be somewhere"):
        Prompts(gone=True, negative=((1, 1),)).check(10, 10)


def test_the_newest_word_on_whether_an_object_is_gone_counts() -> None:
    here, gone = Prompts(positive=((1, 1),)), Prompts(gone=True)
    assert here.joined(gone) == gone
    assert gone.joined(here) == here
    assert gone.beyond(gone).is_empty
    assert gone.beyond(here).gone
    assert not gone.is_empty


def test_where_there_is_a_mask_it_is_enough_to_say_what_is_not_the_object() -> None:
    excluded = Prompts(negative=((1, 1),))
    excluded.check(10, 10, has_mask=True)
    with pytest.raises(InputError, match="there is no mask on the frame yet"):
        excluded.check(10, 10)
    with pytest.raises(InputError, match="nothing says where"):
        Prompts().check(10, 10, has_mask=True)
