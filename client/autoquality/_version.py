"""The version of the client, the server and the distribution."""

__version__ = "0.1.0"
