"""EXIF, XMP and IPTC: reading, cleaning and keeping metadata."""
