"""From a Windows ISO to a sealed golden image."""
