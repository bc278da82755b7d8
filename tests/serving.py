"""A server on this machine that answers as a test wants it to."""

import hashlib
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

CONTENT = bytes(range(256)) * 4096  # 1 MB
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@contextmanager
def serving(answer):
    """A server that lets ``answer(handler)`` reply; gives its address and the list of paths asked for."""
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            answer(self)

        def log_message(self, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        server.server_close()


def whole_file(handler, content=CONTENT, claimed=None, pause=0.0, headers=()):
    handler.send_response(200)
    handler.send_header("Content-Length", str(claimed or len(content)))
    for name, value in headers:
        handler.send_header(name, value)
    handler.end_headers()
    for start in range(0, len(content), 1 << 16):
        try:
            handler.wfile.write(content[start : start + (1 << 16)])
        except OSError:
            return
        time.sleep(pause)
