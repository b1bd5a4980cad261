"""What the service adds to the codec: waits, throughput and processor time of a small JPEG.

codec    decoding and encoding alone, in memory
echo     a gRPC server with our settings that answers at once, as a program
earlier  an earlier commit, to serve from
runs     all of them in turn, with callers in Go
tables   measures as Markdown

    python -m bench.overhead
    python -m bench.overhead --before COMMIT
    python -m bench.overhead --quick
"""
