"""How a guest is reached: SSH, its channels and tunnels."""
