"""One behaviour a file, with real sockets."""
