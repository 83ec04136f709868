"""Sessions in a Redis, Valkey or Dragonfly: standalone, behind Sentinel, or a Cluster."""
