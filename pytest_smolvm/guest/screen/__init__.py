"""A guest's screen, keyboard and pointer through QEMU: nothing of the guest's takes part, not even its network."""
