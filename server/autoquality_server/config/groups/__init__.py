"""The settings by subject.

serving   where the server listens, who may call it, and the logs
capacity  how much runs at once, and how large it may be
quality   how the quality is chosen, and the networks that predict it
encoders  the options of the encoders
"""
