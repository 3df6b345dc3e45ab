"""``python -m flavorkit``: the same as the ``flavorkit`` command."""

from flavorkit.cli import main

main(prog_name="flavorkit")
