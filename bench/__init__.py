"""The benchmark, `make bench`: measures real server processes with its own load clients and reports targets too."""
