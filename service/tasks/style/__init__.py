"""Style transfer: paintings that networks know, any picture as a style, and optimisation."""
