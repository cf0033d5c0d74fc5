"""The fence around a QEMU: what it connects to is asked about, outside of it."""
