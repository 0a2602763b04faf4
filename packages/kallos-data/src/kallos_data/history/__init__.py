"""The tables of one asset as one regular frame of features."""
