"""Ours and others side by side: the same images, the same machine, one run.

task        what is asked: an image, an encoder's setting, a goal
subject     an image as everybody gets it
curve       what our encoders come to on an image, to compare sizes at an equal DSSIM
entrant     who takes part, and what he hands in
ours        the service's core, without gRPC; method none and the floor to hold it against
searches    bisection and secant by our codecs and our metric
pillow      loops as people write them with Pillow
commands    jpegoptim, ImageMagick, cwebp, guetzli
run         everybody at everything, in turn
rows        what came out, one row each
summary     rows to measures
wanted      the limits that are to be kept
tables      measures to Markdown
figures     measures to plots

    python -m bench.compare IMAGES...
    python -m bench.compare --quick
"""
