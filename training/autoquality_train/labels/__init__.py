"""The labels: size and scores of samples at every quality.

sweeps     the sweep of one sample by one encoder setting, and its file
labelling  the sweeps of a whole corpus, on all cores
curves     curves over quality through the swept qualities
"""
