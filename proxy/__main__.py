"""`python -m proxy` is the command `limpet`."""

from control.cli import main

main(prog_name="limpet")
