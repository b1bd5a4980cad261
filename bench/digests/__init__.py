"""A digest for each answer of the service, to prove that a change of code changed none."""
