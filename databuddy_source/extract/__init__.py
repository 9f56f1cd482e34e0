"""dlt resources: wiring, one run's session, cursors, listings."""
