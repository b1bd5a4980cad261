"""Who may call, how callers are identified, and how much each may request.

tls       certificates for gRPC and for the metrics
tokens    a file of bearer tokens
identity  identifies the caller by token, certificate or address
rates     limits per caller
exposure  warns if the server can be reached from outside without protection
reload    a value read again when its files change
"""
