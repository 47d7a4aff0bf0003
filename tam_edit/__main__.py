"""``python -m tam_edit`` is the command line."""

from tam_edit._cli import main

main()
