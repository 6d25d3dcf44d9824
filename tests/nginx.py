"""
Start an nginx in front of a server, as a site in production has one.

    with running_nginx("127.0.0.1:8000", folder=tmp_path) as fronts: fronts.plain
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

# Debian keeps it where only root looks.
PROGRAM = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
STARTED_WITHIN = 30  # seconds

SETTINGS = """\
daemon off;
master_process off;
pid {folder}/pid;
events {{ worker_connections 128; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  proxy_set_header Host $http_host;
  server {{ listen {plain}; location / {{ proxy_pass http://{upstream}; }} }}
  server {{ listen {with_uri}; location / {{ proxy_pass http://{upstream}/; }} }}
  server {{ listen {below}; location /x/ {{ proxy_pass http://{upstream}/; }} }}
}}
"""


@dataclass(frozen=True)
class Fronts:
    """
    Hosts and ports of one nginx: `plain` passes addresses on as they come; `with_uri` has a URI in its proxy_pass, so that
    nginx decodes and encodes them anew; `below` does so and serves the site below /x/.
    """

    plain: str
    with_uri: str
    below: str


@contextmanager
def running_nginx(upstream: str, *, folder: Path) -> Iterator[Fronts]:
    """Run it in the foreground for the duration of the block; it writes into `folder` only."""
    fronts = Fronts(*_free_addresses(3))
    configuration = folder / "nginx.conf"
    configuration.write_text(SETTINGS.format(folder=folder, upstream=upstream, **vars(fronts)))
    command = [str(PROGRAM), "-e", folder / "error.log", "-p", folder, "-c", configuration]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        _wait_until_ready(process, fronts)
        yield fronts
    finally:
        process.terminate()
        process.communicate()


def _free_addresses(count: int) -> list[str]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    addresses = [f"127.0.0.1:{each.getsockname()[1]}" for each in sockets]
    for each in sockets:
        each.close()
    return addresses


def _wait_until_ready(process: subprocess.Popen[bytes], fronts: Fronts) -> None:
    host, _, port = fronts.below.partition(":")
    give_up = time.monotonic() + STARTED_WITHIN
    while time.monotonic() < give_up and process.poll() is None:
        try:
            socket.create_connection((host, int(port)), timeout=1).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
    process.kill()
    raise RuntimeError(f"nginx did not start: {process.communicate()[1].decode()}")
