"""How cost grows: with the image, with the callers, with the cores.

megapixels  one image at a time by the core, 0.1 to 50 megapixels
load        1 to 64 callers of a server; a server on one core, on two ...
tables      measures as Markdown
figures     measures as plots

    python -m bench.scaling
    python -m bench.scaling --quick

bench/capacity.py estimates the capacity of a cluster from these measures.
"""
