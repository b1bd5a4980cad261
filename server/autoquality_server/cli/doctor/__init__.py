"""`autoquality-server doctor`: whether this configuration would serve here, and what.

    finding   what one look found
    machine   cores, memory, allocator, open files, temporary files
    ports     whether the addresses are free
    access    certificates, tokens, and who could call without
    kernel    the metric's compiled code
    codecs    each format written and read
    networks  each network loaded and asked
    offer     what would be served
    units     bytes for people
    report    all of it as a table, or as JSON
    command   the command line

Each look does what the server would do at its start or for a request, with the
server's own code.
"""
