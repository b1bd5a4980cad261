"""HEIF and AVIF: files of boxes (ISO/IEC 14496-12)."""
