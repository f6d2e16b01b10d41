"""Export recipes, training and evaluation; never imported by the service."""
