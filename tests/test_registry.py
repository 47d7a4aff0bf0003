"""Names: built-ins, other packages' entry points, the nearest known name, what a setting may be."""

from __future__ import annotations

import importlib.util
import math
import subprocess
import sys
from dataclasses import dataclass
from importlib import metadata
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

import tam_edit.effects
from tam_edit import registry
from tam_edit.effect import EFFECTS
from tam_edit.errors import InputError, NotInstalledError, UnknownNameError
from tam_edit.parameters import Parameter, check_parameters, parameter, parameters_of, rgb_of
from tam_edit.registry import Registry, from_pack, from_references

CHECKOUT = Path(__file__).resolve().parent.parent


def announced(*points: EntryPoint, monkeypatch: pytest.MonkeyPatch) -> None:
    """Entry points as if other packages were installed."""
    monkeypatch.setattr(
        registry, "entry_points", lambda group: [p for p in points if p.group == group]
    )


def letters() -> Registry[object]:
    references = {"counter": "collections:Counter", "broken": "no_such_module_here:Thing"}
    return Registry("letter", group="tests.letters", builtins=from_references(references))


def test_the_pack_lists_every_effect_file_under_its_name() -> None:
    stems = {p.stem for p in (CHECKOUT / "effects").glob("[!_]*.py")}
    assert {name.replace("-", "_") for name in EFFECTS.names()} >= stems
    for name in tam_edit.effects.__all__:
        effect = getattr(tam_edit.effects, name)
        assert EFFECTS.get(effect.name) is effect
        assert effect.__module__ == "tam_edit.effects." + effect.name.replace("-", "_")
        assert name == effect.name.title().replace("-", "")
        assert EFFECTS.provider(effect.name) == "tam_edit"


def test_an_unknown_name_gets_the_nearest() -> None:
    with pytest.raises(UnknownNameError) as caught:
        EFFECTS.get("blurr")
    assert str(caught.value) == "there is no effect called 'blurr'"
    assert caught.value.hint == "did you mean 'blur'?"


def test_nothing_is_imported_until_it_is_fetched() -> None:
    code = (
        "import sys, tam_edit.effect as e\n"
        "assert 'tam_edit.effects' not in sys.modules\n"
        "e.EFFECTS.get('blur')\n"
        "assert 'tam_edit.effects' in sys.modules\n"
        "assert not {'torch', 'moviepy', 'hypothesis'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_references_are_loaded_when_fetched() -> None:
    known = letters()
    assert known.names() == ("broken", "counter")
    assert known.get("counter").__name__ == "Counter"
    with pytest.raises(NotInstalledError, match=r"'broken' of tam_edit .*no_such_module_here"):
        known.get("broken")


def test_other_packages_announce_theirs(monkeypatch) -> None:
    ordered = EntryPoint("ordered", "collections:OrderedDict", "tests.letters")
    foreign = EntryPoint("foreign", "collections:deque", "another.group")
    announced(ordered, foreign, monkeypatch=monkeypatch)
    known = letters()
    assert known.names() == ("broken", "counter", "ordered")
    assert known.get("ordered").__name__ == "OrderedDict"


def test_a_name_that_two_packages_bring_is_an_error_that_names_both(monkeypatch) -> None:
    point = EntryPoint("counter", "collections:deque", "tests.letters")
    announced(point, monkeypatch=monkeypatch)
    with pytest.raises(InputError, match="'counter': tam_edit and collections:deque"):
        letters().names()


def test_installed_packages_are_asked(tmp_path, monkeypatch) -> None:
    info = tmp_path / "shiny-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: shiny\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[tests.letters]\ndouble = collections:deque\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert [p.name for p in metadata.entry_points(group="tests.letters")] == ["double"]
    known = letters()
    assert known.provider("double") == "shiny"
    assert known.get("double").__name__ == "deque"


def test_a_pack_with_a_name_twice_is_refused(monkeypatch) -> None:
    monkeypatch.setattr(tam_edit.effects, "__all__", ["Blur", "Blur"])
    twice: Registry[object] = Registry("effect", group="x", builtins=from_pack("tam_edit.effects"))
    with pytest.raises(InputError, match="two things called 'blur'"):
        twice.names()


def test_a_second_copy_of_the_pack_cannot_come_about() -> None:
    spec = importlib.util.spec_from_file_location("effects", CHECKOUT / "effects" / "__init__.py")
    with pytest.raises(ImportError, match=r"import tam_edit\.effects"):
        spec.loader.exec_module(importlib.util.module_from_spec(spec))


@dataclass(frozen=True, kw_only=True)
class Settings:
    """One of each kind."""

    share: float = parameter(0.5, kind="number", at_least=0, at_most=1, doc="A share.")
    count: int = parameter(3, kind="whole", at_least=1, unit="frames", doc="A count.")
    ink: str = parameter("black", kind="color", doc="A colour.")
    side: str = parameter("left", kind="choice", choices=("left", "right"), doc="A side.")
    file: str | None = parameter(None, kind="path", doc="A file.")

    def __post_init__(self) -> None:
        check_parameters(self, called="settings")


@dataclass(frozen=True, kw_only=True)
class Narrower(Settings):
    """Another default, the same declaration."""

    side: str = "right"


def test_settings_can_be_listed() -> None:
    listed = {p.name: p for p in parameters_of(Settings)}
    assert list(listed) == ["share", "count", "ink", "side", "file"]
    assert listed["count"] == Parameter(
        name="count", kind="whole", default=3, doc="A count.", unit="frames", range=(1, None)
    )
    side = {p.name: p for p in parameters_of(Narrower)}["side"]
    assert (side.default, side.choices, side.doc) == ("right", ("left", "right"), "A side.")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"share": 1.5}, "share is 1.5, but must be a number from 0 to 1"),
        ({"share": float("nan")}, "share is nan, but must be a number from 0 to 1"),
        ({"share": "much"}, "share is 'much', but must be a number from 0 to 1"),
        ({"share": True}, "share is True, but must be a number from 0 to 1"),
        ({"share": None}, "share is None, but must be a number from 0 to 1"),
        ({"count": 0}, "count is 0, but must be a whole number of at least 1 frames"),
        ({"count": 2.0}, "count is 2.0, but must be a whole number of at least 1 frames"),
        ({"ink": "blakc"}, "ink is 'blakc', but must be #rrggbb or a CSS colour name"),
        ({"ink": 7}, "ink is 7, but must be #rrggbb or a CSS colour name"),
        ({"side": "up"}, "side is 'up', but must be one of left, right"),
        ({"file": 3}, "file is 3, but must be the path of a file, as text"),
    ],
)
@pytest.mark.parametrize("owner", [Settings, Narrower])
def test_a_bad_value_is_named_with_what_is_allowed(owner, given, message) -> None:
    with pytest.raises(InputError, match="settings: ") as caught:
        owner(**given)
    assert message in str(caught.value)


def test_values_at_the_limits_are_kept_and_the_next_ones_are_refused() -> None:
    lowest, highest = Settings(share=0, count=1), Settings(share=1, file="a.png")
    assert (lowest.share, lowest.count, lowest.file) == (0, 1, None)
    assert (highest.share, highest.count, highest.file) == (1, 3, "a.png")
    for share in (math.nextafter(0, -1), math.nextafter(1, 2)):
        with pytest.raises(InputError, match="must be a number from 0 to 1"):
            Settings(share=share)


def test_colours() -> None:
    assert rgb_of("#ff8000") == (255, 128, 0)
    assert rgb_of("#f80") == (255, 136, 0)
    assert rgb_of("White") == (255, 255, 255)
    for bad in ("#ff80001f", "rgb(1,2,3)", "", "#12", "hsl(0,1%,1%)"):
        with pytest.raises(InputError, match="is no colour"):
            rgb_of(bad)
