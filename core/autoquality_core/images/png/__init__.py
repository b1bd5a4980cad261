"""PNG: its chunks, colours and animation."""
