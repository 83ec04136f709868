"""Whose request it is: the sealed token, and where in a request it is found."""
