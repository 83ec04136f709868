"""`limpet compare`: the three strategies side by side, with a node and a store that die."""

from control.compare.performance import run
from control.compare.plan import make_pictures, make_plan, redis_url

__all__ = ["make_pictures", "make_plan", "redis_url", "run"]
