"""The bench is tested as well: a wrong measure is worse than none."""
