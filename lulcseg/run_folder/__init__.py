"""What a run's folder holds: its record, its files, who makes it and who joins."""
