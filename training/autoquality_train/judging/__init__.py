"""Judges networks on images that they were not trained on."""
