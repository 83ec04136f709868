"""A course with what its searches have to know of the client's token."""

from sessions.contract.course import Course, Step, Terms


class KeptCourse(Course):
    """One exchange of a keeper's. `pin`: the token's node, -1 where it is not known.

    `leads`: the session whose takeover this exchange carries; others of that session wait for it.
    """

    __slots__ = ("leads", "pin", "running", "token_unprotected")

    def __init__(
        self, terms: Terms, session_id: str, version: int, unprotected: bool, minted: bool, pin: int
    ) -> None:
        super().__init__(terms, session_id, version, unprotected, minted)
        self.pin = pin
        self.token_unprotected = unprotected
        self.leads = ""
        self.running: tuple[str, int] | None = None  # the session and the node that works on it

    @property
    def expected(self) -> int:
        """The token's version; 0: there is no token."""
        return self._expected

    def begin(self, node: int, settled_there: bool) -> Step:
        if settled_there and self._expected:
            self.pin = node
        return super().begin(node, settled_there)

    def renamed(self, session_id: str, node: int) -> Step:
        self.pin = -1
        self.token_unprotected = False
        return super().renamed(session_id, node)
