"""Several server processes on one port: a codec that crashes or hangs affects only one of them.

The supervisor imports no codec and no TensorFlow, serves no gRPC and reads nothing from callers:
only its processes can crash. They are programs started by exec, never forks of the supervisor.

A process and the supervisor exchange lines of JSON over a pair of sockets:

    to a process        {"poll": true}         send the metrics
                        {"drain": true}        finish the accepted requests, then exit
    to the supervisor   {"metrics": {...}}     the metrics that changed; the first time, the
                                               process has begun to serve
                        {"failed": "why", "status": 2}   it cannot start
"""
