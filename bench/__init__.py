"""Limpet beside HAProxy, nginx, Caddy and a plain aiohttp proxy: the same nodes, the same work, in turn."""
