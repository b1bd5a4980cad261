"""Judges networks on images that they were not trained on.

swept        an image of which every quality was tried, and its right answers
searches     the service's searches, bisection and secant on such an image
cases        all results for one image, format and target
calibration  compares predicted probabilities with frequencies
judge        the cases of all images
summary      statistics of cases
note         writes a network's accuracy into its side file
"""
