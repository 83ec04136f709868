"""What it costs that sessions survive: Limpet beside HAProxy with an app that keeps them in Redis."""
