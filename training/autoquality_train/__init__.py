"""From a folder of images to networks for `autoquality-server`, and to the report that judges them.

debian      a corpus that anybody can gather again
samples     native pixels cut from a corpus's images
sweeps      what every quality of a sample comes to: the labels
labelling   sweeps of a whole corpus, by all cores
examples    samples and sweeps as a network learns from them
priors      what the search knows of an encoder before it sees an image
network     the model, its fitting, its freezing
judging     how good predictions are, on images never trained on
report      the judgement as HTML, Markdown and JSON
cli         the command `autoquality-train`
"""
