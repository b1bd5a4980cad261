"""What every part of a request uses: deadlines, steps, types of arrays, compilation, memory."""
