"""`autoquality-server doctor`: checks whether the server would serve with this configuration.

    command   runs the checks and prints the report
    access    addresses, certificates, tokens, cache
    machine   cores, memory, allocator, open files, temporary files
    codecs    the metric, and each format written and read
    networks  each network loaded and run
    finding   the result of one check
    report    all results as a table or as JSON

Each check runs the code that the server runs at its start or for a request.
"""
