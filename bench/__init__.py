"""The benchmark: `make bench`. Its own load clients, real server processes, the targets beside the measured figures."""
