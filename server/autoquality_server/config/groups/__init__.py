"""The settings by what they are about: a module, and a struct, for each.

serving   where and how long the server serves
access    who may call, and for how much
capacity  how much runs at once, and how large it may be
quality   how a quality is chosen
networks  which networks predict, and how they run
encoders  what the encoders are told
logs      what is told of requests: the log, and traces
"""
