"""Several processes that serve clients, and what they and the one that leads them tell each other."""
