"""The command line door: ``pytest-smolvm``."""
