"""Ends with status 0 if the server in this container is ready; imports next to nothing.

It runs every ten seconds, so it must not cost what an HTTP library costs to import.
"""

import os
import socket
import sys

address = "127.0.0.1", int(os.environ.get("CHIASM_PORT", "8000"))
with socket.create_connection(address, timeout=2) as connection:
    connection.sendall(b"GET /readyz HTTP/1.0\r\n\r\n")
    status = connection.recv(12)  # HTTP/1.1 200
sys.exit(not status.endswith(b" 200"))
