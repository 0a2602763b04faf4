"""From a file or a frame of prices, in whatever shape, to clean bars: one meaning for each cell, or a refusal."""
