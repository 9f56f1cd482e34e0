"""One page of HTML to look at. It asks for nothing and runs no script."""
