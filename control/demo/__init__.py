"""`limpet demo`: three small app servers and Limpet before them, to kill and to bring back."""

from control.demo.performance import run

__all__ = ["run"]
