"""How cost grows: with the image, with the callers, with the cores.

megapixels  one image at a time, by the core, from 0.1 to 50 megapixels
callers     1 to 64 at a real server
cores       a real server on one core, on two ...
tables, figures   as Markdown and as plots

    python -m bench.scaling
    python -m bench.scaling --quick

bench/capacity.py works out from it what a cluster does in a day.
"""
