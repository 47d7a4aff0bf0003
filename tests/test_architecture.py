"""The tree is what ARCHITECTURE.md says: which files there are and which may import which."""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parent.parent
FOLDERS = {"tam_edit": "tam_edit", "effects": "tam_edit.effects", "presets": "tam_edit.presets"}

# A module imports only from lower rows or from its own entry.
ROWS: tuple[tuple[str, ...], ...] = (
    ("tam_edit", "tam_edit.errors", "tam_edit.types"),
    (
        "tam_edit.masks",
        "tam_edit.prompts",
        "tam_edit.registry",
        "tam_edit.parameters",
        "tam_edit.pixels",
        "tam_edit.flow",
    ),
    ("tam_edit.frame",),
    ("tam_edit.media", "tam_edit.tracks", "tam_edit.effect", "tam_edit.models.base"),
    (
        "tam_edit.models",
        "tam_edit.effects",
        "tam_edit.inpaint",
        "tam_edit.recipe",
        "tam_edit.review",
    ),
    ("tam_edit.tracking", "tam_edit.project", "tam_edit.presets", "tam_edit.render"),
    ("tam_edit.export", "tam_edit.evaluate", "tam_edit.testing"),
    ("tam_edit.session",),
    ("tam_edit.interop",),
    ("tam_edit._cli",),
    ("tam_edit.__main__",),
)


def modules() -> dict[str, Path]:
    found = {}
    for folder, package in FOLDERS.items():
        for path in sorted((CHECKOUT / folder).rglob("*.py")):
            parts = path.relative_to(CHECKOUT / folder).with_suffix("").parts
            name = ".".join((package, *(p for p in parts if p != "__init__")))
            found[name] = path
    return found


MODULES = modules()


def entry_of(module: str) -> str:
    """The entry of ``ROWS`` that a module belongs to: the longest name that it begins with."""
    entries = [e for row in ROWS for e in row if module == e or module.startswith(e + ".")]
    return max(entries, key=len)


def row_of(module: str) -> int:
    entry = entry_of(module)
    return next(i for i, row in enumerate(ROWS) if entry in row)


def imported(module: str, path: Path) -> Iterator[str]:
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    tree = ast.parse(path.read_text(encoding="utf-8"))
    if module == "tam_edit":
        # What it hands on it imports when it is asked for; type checkers are told beforehand.
        tree.body = [node for node in tree.body if not isinstance(node, ast.If)]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                up = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*up, *([node.module] if node.module else [])])
            for alias in node.names:
                full = f"{base}.{alias.name}"
                yield full if full in MODULES else base


@pytest.mark.parametrize("module", MODULES)
def test_a_module_imports_only_from_lower_rows(module: str) -> None:
    for name in imported(module, MODULES[module]):
        if name.split(".")[0] != "tam_edit":
            continue
        is_own = entry_of(name) == entry_of(module)
        assert is_own or row_of(name) < row_of(module), f"{module} imports {name}"


def test_every_file_can_be_named_from_the_architecture_page() -> None:
    page = (CHECKOUT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    # A folder whose files are all of one kind is named once; elsewhere each file is.
    alike = (
        "effects",
        "presets/recipes",
        "tests",
        "benchmarks",
        "benchmarks/results",
        "docs",
        "training",
    )
    missing = [
        path
        for path in map(Path, listed)
        if (CHECKOUT / path).exists()
        and path.suffix in (".py", ".pyi", ".toml", "")
        and path.name != "__init__.py"
        and not path.name.startswith(".")
        and str(path.parent) not in alike
        and path.stem not in page
    ]
    assert not missing


def test_the_explicit_package_list_is_the_folders() -> None:
    settings = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))
    packages = {name for name, path in MODULES.items() if path.name == "__init__.py"}
    assert set(settings["tool"]["setuptools"]["packages"]) == packages


def test_every_built_in_effect_is_one_file_and_one_line() -> None:
    import tam_edit.effects

    files = {p.stem for p in (CHECKOUT / "effects").glob("[!_]*.py")}
    kinds = [getattr(tam_edit.effects, name) for name in tam_edit.effects.__all__]
    assert {kind.__module__.rpartition(".")[2] for kind in kinds} == files


@pytest.mark.parametrize("folder", ["effects", "presets"])
def test_a_second_copy_of_a_mapped_folder_cannot_come_about(folder: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", f"import {folder}"],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert "install tam-edit" in done.stderr


@pytest.mark.parametrize(
    "statement", ["import tam_edit", "import tam_edit.effects", "import tam_edit.presets"]
)
def test_torch_is_not_loaded_before_a_model_is_needed(statement: str) -> None:
    code = f"{statement}, sys; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], cwd=CHECKOUT.parent, check=True)


def test_the_launcher_is_the_command_line() -> None:
    done = subprocess.run(
        [sys.executable, "cli.py", "--version"],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith("tam-edit, version ")
