"""What the SDK raises in the app; nothing has changed when one of these is raised."""


class SessionError(Exception):
    """The app asked something of its session that cannot be done."""


class SessionTooLarge(SessionError):
    """The state is above the limit, so it was not saved."""

    def __init__(self, size: int, limit: int) -> None:
        super().__init__(f"the session's state is {size} bytes, at most {limit} are allowed")


class SessionClosed(SessionError):
    """The response head has gone out: what is written now could reach nobody."""

    def __init__(self) -> None:
        super().__init__("a session may be written until the response head is sent, not after it")


class SessionExhausted(SessionError):
    """The session's version has reached its end, 2^53."""

    def __init__(self) -> None:
        super().__init__("the session has no versions left; it must be ended")
