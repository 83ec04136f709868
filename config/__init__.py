"""The operator's YAML, turned into validated and immutable settings."""
