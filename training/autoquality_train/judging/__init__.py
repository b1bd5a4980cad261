"""How good a network is, on images that it was never trained on.

swept        an image whose every quality is known, and sessions that look it up
right        the right quality, and how far another is from it
goal         what a search is asked for, and what it answers
replay       METHOD_ML and METHOD_DSSIM on a swept image
baselines    bisection and secant, to compare with
cases        one image, format and target: all that is found out
pictures     what a report shows of an image
judge        the cases of all images
note         a network's accuracy, in its side file
summary      cases to distributions
calibration  whether a network knows how sure it may be
networks     the networks of a folder
"""
