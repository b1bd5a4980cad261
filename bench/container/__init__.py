"""Builds the images of the Dockerfile, runs them as a cluster would, and measures them.

build     the images, by buildah
run       containers with a read-only root, by runc
tables    the sizes

    python -m bench.container --help
"""
