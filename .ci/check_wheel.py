"""Build sdist and wheel, install the wheel where nothing else is, and run the main job with it."""

import json
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
METADATA_SUFFIX = ".dist-info"
LARGEST_WHEEL_MB = 11


def main(scratch: Path) -> None:
    """Stop with a sentence at the first thing that does not hold."""
    dist = scratch / "dist"
    # The wheel is built from the sdist: a stale build folder cannot slip in.
    run(sys.executable, "-m", "build", "--outdir", str(dist), str(CHECKOUT))
    (sdist,) = dist.glob("*.tar.gz")
    (wheel,) = dist.glob("*.whl")
    check_top_level(wheel)
    check_sdist(sdist)
    clean = scratch / "clean"
    venv.create(clean, with_pip=True)
    pip = clean / "bin" / "pip"
    run(str(pip), "install", "--quiet", "-c", str(CHECKOUT / "constraints.txt"), str(wheel))
    tam_edit = clean / "bin" / "tam-edit"
    run(str(tam_edit), "doctor")
    run(str(tam_edit), "demo", "-o", str(scratch / "demo"), "--json", str(scratch / "demo.json"))
    scored = json.loads((scratch / "demo.json").read_text(encoding="utf-8"))
    if not scored["mean"]["j"] > 0.7:
        sys.exit(f"the demo's masks score only J {scored['mean']['j']}")


def check_top_level(wheel: Path) -> None:
    """One package, with the presets and effects in it, and no tests."""
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    top = {name.split("/")[0] for name in names}
    packages = {name for name in top if not name.endswith(METADATA_SUFFIX)}
    if packages != {"tam_edit"}:
        sys.exit(f"the wheel's top level is {sorted(packages)}, but must be tam_edit alone")
    if wheel.stat().st_size > LARGEST_WHEEL_MB * 1e6:
        sys.exit(f"the wheel has {wheel.stat().st_size} bytes, more than {LARGEST_WHEEL_MB} MB")
    page = ("tam_edit/review/page.css", "tam_edit/review/page.js")
    for wanted in ("tam_edit/effects/blur.py", "tam_edit/py.typed", *page):
        if wanted not in names:
            sys.exit(f"the wheel lacks {wanted}")
    if not any(name.startswith("tam_edit/presets/recipes/") for name in names):
        sys.exit("the wheel holds no preset")
    if not any(name.endswith("licenses/LICENSES/BSD-3-Clause.txt") for name in names):
        sys.exit("the wheel lacks the licence of the weights in it")


def check_sdist(sdist: Path) -> None:
    """The sources of the two mapped folders and the tests are in it."""
    with tarfile.open(sdist) as archive:
        names = {name.split("/", 1)[-1] for name in archive.getnames()}
    for wanted in ("effects/__init__.py", "presets/__init__.py", "LICENSE", "NOTICE"):
        if wanted not in names:
            sys.exit(f"the sdist lacks {wanted}")


def run(*command: str) -> None:
    """Run a command and stop with its exit code where it fails."""
    print("+", *command, flush=True)
    done = subprocess.run(command, check=False)
    if done.returncode:
        sys.exit(done.returncode)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
