"""One file that shows what a study found: HTML without a script, or Markdown with pictures."""
