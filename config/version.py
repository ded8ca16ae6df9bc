"""The version of Chattergram, defined only here and in the top entry of CHANGELOG.md."""

VERSION = "1.0.0"
