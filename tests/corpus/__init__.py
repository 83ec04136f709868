"""Requests and answers that must be refused, and those that must not, each with the source of the rule."""
