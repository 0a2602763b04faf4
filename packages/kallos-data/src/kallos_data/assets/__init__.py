"""The assets of a database: which there are, what their histories look like, and removing one."""
