"""What a study will take, told before it is started: a few configurations timed, the rest played through."""
