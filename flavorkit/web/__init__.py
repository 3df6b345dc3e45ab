"""HTTP/1.1 servers with limits: sockets, connections, errors, logs; nothing of what is served."""
