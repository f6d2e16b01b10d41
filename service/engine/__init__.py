"""Sessions, threads and queues: everything between a picture and its answer."""
