"""The version of Chattergram: the one place that names it beside the head of CHANGELOG.md."""

VERSION = "1.0.0"
