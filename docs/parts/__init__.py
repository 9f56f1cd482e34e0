"""What the manual's generated parts say, by subject."""
