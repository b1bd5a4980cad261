"""JPEG XL (ISO/IEC 18181): reading what a file announces before libjxl decodes it."""
