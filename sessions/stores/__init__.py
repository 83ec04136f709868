"""Where sessions are kept beside their nodes: a Redis, or a file of one machine."""
