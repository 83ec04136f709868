"""`limpet compare`: the three strategies side by side, with a node and a store that die."""

from control.compare.performance import run
from control.compare.plan import make_plan

__all__ = ["make_plan", "run"]
