"""Runs a built container image without Docker, as strictly as an orchestrator would, and drives it.

`make image-test`; needs root, and Debian's buildah and runc.
"""
