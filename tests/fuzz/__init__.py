"""Generated messages: what holds for all of them, and not only for the corpus."""
