"""Which node a request goes to, and why. Pure: no I/O, no clock and no randomness of its own."""
