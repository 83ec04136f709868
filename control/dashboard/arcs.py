"""Who takes which part of the ring at this moment: what is drawn, and what moves when a node goes."""

from routing.states import TAKES_NEW
from routing.view import ServiceView

PARTS = 240
NOBODY = -1


def owners(view: ServiceView) -> list[int]:
    """For each of PARTS equal parts of the ring, the index of the node that its new sessions go to.

    Backups while there is no other node, -1 where there is none at all. What bounded load does is left out.
    """
    takes = [TAKES_NEW[node.state] for node in view.nodes]
    primaries = {i for i, node in enumerate(view.nodes) if takes[i] and not node.backup}
    able = primaries or {i for i, taken in enumerate(takes) if taken}
    return [next((node for node in order if node in able), NOBODY) for order in view.ring.around(PARTS)]
