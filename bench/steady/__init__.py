"""Whether Limpet stays steady: stalls of its event loop, memory, large configurations, takeovers."""
