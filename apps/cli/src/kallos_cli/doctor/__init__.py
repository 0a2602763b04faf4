"""What kallos-run needs of a machine and its databases, checked one by one."""
