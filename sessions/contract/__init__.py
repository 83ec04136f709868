"""The proxy's side of the session contract: pure machines that say what to send and are told the answers."""
