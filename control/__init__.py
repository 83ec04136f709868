"""What people and Prometheus see: the admin site, probes, metrics, the command, the process's life."""
