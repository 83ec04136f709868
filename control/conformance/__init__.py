"""Checks a node against the session contract, case by case, from outside: `limpet contract`."""
