"""Files and frames of prices into the tables, with their technical indicators."""
