"""``python -m lpmdsl.cli``."""

from lpmdsl.cli import main

main()
