"""What a process hands on to its successor: its listening sockets, and what operators have asked of nodes."""

import json
import os
import socket
from collections.abc import Mapping, MutableMapping
from math import inf, isinf
from typing import NamedTuple

from control.runtime import Runtime
from routing.states import Membership, Mode

VARIABLE = "LIMPET_INHERIT"
READY = b"ready"


class Asked(NamedTuple):
    """Of a node, by an operator; `seconds`: until a drain's deadline, inf for none."""

    service: str
    node: str
    mode: int
    seconds: float


class Inheritance(NamedTuple):
    """`sockets`: descriptors by what `Sites` calls them; `ready`: where to say that this process serves."""

    ready: int
    sockets: Mapping[str, list[int]]
    asked: list[Asked]

    def text(self) -> str:
        """For the environment of the next process."""
        asked = [[*each[:3], None if isinf(each.seconds) else each.seconds] for each in self.asked]
        return json.dumps({"ready": self.ready, "sockets": self.sockets, "asked": asked})

    def say_ready(self) -> None:
        os.write(self.ready, READY)
        os.close(self.ready)


def inherited(env: MutableMapping[str, str]) -> Inheritance | None:
    """What this process was handed, None where it was simply started. Its own children are handed nothing."""
    text = env.pop(VARIABLE, None)
    if text is None:
        return None
    told = json.loads(text)
    for descriptor in (told["ready"], *(each for group in told["sockets"].values() for each in group)):
        os.set_inheritable(descriptor, False)
    asked = [
        Asked(service, node, mode, inf if seconds is None else seconds)
        for service, node, mode, seconds in told["asked"]
    ]
    return Inheritance(told["ready"], told["sockets"], asked)


def sockets_of(descriptors: list[int]) -> list[socket.socket]:
    return [socket.socket(fileno=descriptor) for descriptor in descriptors]


def asked_of(runtime: Runtime) -> list[Asked]:
    """What operators have asked of nodes."""
    return [
        Asked(name, watch.node_names[index], int(node.mode), watch.remaining(index))
        for name, watch in runtime.cluster.watches.items()
        for index, node in enumerate(watch.health.nodes)
        if node.mode is not Mode.READY and node.membership is Membership.MEMBER
    ]


def ask_again(runtime: Runtime, asked: list[Asked]) -> None:
    """Ask the same of the nodes that there still are."""
    for service, node, mode, seconds in asked:
        watch = runtime.cluster.watches.get(service)
        if watch is not None and node in watch.node_names:
            watch.set_mode(watch.node_names.index(node), Mode(mode), seconds)
