"""The colours of files, and their conversion to sRGB."""
