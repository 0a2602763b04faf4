"""Databases: where they are, how they are spoken to, which tables they have."""
