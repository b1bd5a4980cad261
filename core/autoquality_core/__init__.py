"""Decides how hard an image may be compressed: the library behind the AutoQuality service."""
