"""Two maps of the same ground: what changed between their dates, how surely, and by how many hectares."""
