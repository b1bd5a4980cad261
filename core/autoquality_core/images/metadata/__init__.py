"""EXIF, XMP and IPTC: what is read, cleaned and kept."""
