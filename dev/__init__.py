"""The development environment: `make run` and the servers of `make test`. Nothing deployed imports it."""
