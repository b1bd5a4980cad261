"""Several server processes on one port, so that a codec that crashes or hangs harms one of them.

    supervisor  starts them, replaces those that end, drains them
    process     one of them, as the supervisor sees it
    membership  the supervisor, as one of them sees it
    messages    what they tell one another, over a pair of sockets
    reservation the port, kept for all of them
    pace        how soon one that ended is replaced
    causes      why one ended
    rounds      when all are asked for their metrics, and have answered
    numbers     the metrics of one of them, as changes
    merging     the metrics of all of them, as one
    rules       what several values of one gauge come to
    signals     SIGTERM and SIGINT, as something that can be waited for

The supervisor imports no codec and no TensorFlow, starts nothing of gRPC and hears
nothing of callers: what can crash is in the processes. They are programs of their
own, started anew, never forks.
"""
