"""A small typed client for the Databuddy API: the only part that talks to the outside."""
