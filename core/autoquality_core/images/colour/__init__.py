"""What the colours of a file mean, and how they become sRGB."""
