"""The images that networks and priors learn from."""
