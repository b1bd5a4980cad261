"""Trains networks for `autoquality-server` on a folder of images, and judges them.

corpus      the images to train on, and the samples that are cut from them
labels      size and DSSIM of every sample at every quality, and curves through them
examples    samples and curves as a network learns from them
network     the model, its fitting, its frozen graph
fitting     networks with their side files
priors      the data that every search starts from
judging     how good predictions are, on other images
report      the result as HTML, Markdown and JSON
cli         the command `autoquality-train`
"""
