"""What a person chooses."""
