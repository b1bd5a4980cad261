"""What every part of a request uses: deadlines, steps, compilation, memory."""
