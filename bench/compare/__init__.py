"""Compares our methods with other tools: the same images, the same machine, one run.

subject   an image as every tool gets it
task      what tools get, and what they return
curve     size and DSSIM of our encoder by quality, to compare sizes at an equal DSSIM
ours      our methods, and other searches with our encoders
pillow    loops around Pillow
commands  jpegoptim, ImageMagick, cwebp, guetzli
run       every tool on every task
summary   results to measures
tables    measures to Markdown
figures   measures to plots

    python -m bench.compare IMAGES...
    python -m bench.compare --quick
"""
