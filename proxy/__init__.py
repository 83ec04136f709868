"""The byte path: client and upstream connections, the pool between them, the exchange."""
