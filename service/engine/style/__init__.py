"""Style transfer: what several runs of its networks make together."""
