"""Limpet with a beat of 5 ms instead of 50, so that hardly a stall goes unseen."""

from control import punctuality
from control.cli import main

punctuality.BEAT_SECONDS = 0.005

if __name__ == "__main__":
    main(prog_name="limpet")
