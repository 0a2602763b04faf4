"""Whether anything that is known before a date depends on what comes after it, tried out on somebody's own table."""
