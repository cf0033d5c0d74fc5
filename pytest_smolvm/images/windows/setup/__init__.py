"""The installation as it runs: its computer, its stages, its failures."""
