"""Nodes that are found: in DNS, and in files that are watched."""
