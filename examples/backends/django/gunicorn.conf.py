"""How a node is served: one worker, since its memory is where the sessions are."""

import os

bind = f"127.0.0.1:{os.environ.get('PORT', '9001')}"
workers = 1
threads = 8
loglevel = "warning"
control_socket_disable = True  # three nodes on one machine would share one
