"""``python -m tiercel``."""

from tiercel.cli.main import main

main()
