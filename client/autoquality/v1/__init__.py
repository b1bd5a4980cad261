"""The stubs generated from protos/autoquality/v1 (see `make protos`)."""
