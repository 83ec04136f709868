"""The slow steps of the session contract: asks peers and stores, and tells the machines their answers."""
