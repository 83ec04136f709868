"""The dashboard at `/` of the admin port: its page, and what it is told."""
