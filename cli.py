"""Launcher: ``python cli.py …`` is the same as ``tam-edit …`` and ``python -m tam_edit …``."""

import sys

try:
    from tam_edit._cli import main
except ModuleNotFoundError as error:
    sys.exit(
        f"error: tam-edit is not installed here ({error.name} is missing); "
        "run: pip install -c constraints.txt ."
    )

if __name__ == "__main__":
    main()
