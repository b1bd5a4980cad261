"""The images that networks and priors learn from.

debian   a corpus of free images from Debian packages
samples  the samples that are cut from images
split    the images for training, and those for judging
"""
