"""What was fetched: written, read, judged."""
