"""AutoQuality's server: decides how hard an image may be compressed."""
