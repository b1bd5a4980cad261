"""The gRPC services and what happens around their calls."""
