"""Who may call, how callers are told apart, and how much each may ask for.

changing      a value read from files, and read again when they change
certificates  the PEM files of TLS, checked
tls           certificates to gRPC's credentials
tokens        a file of bearer tokens
identity      who calls: by token, certificate or address
caller        who makes the call that a thread serves
rates         how much each caller may ask for in a time
exposure      whether strangers can reach the server, said once at the start
"""
