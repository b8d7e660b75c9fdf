"""Several grantd processes on one database, and nginx in front that hands them requests in turn: to a test like one Server.

    cluster = Cluster(folder, config, nodes=3).start()
    cluster.public, cluster.admin                   # through nginx; so are create_client(), token(), cli() ...
    cluster.nodes[1].public, cluster.nodes[1].kill()

A request that nginx has sent to a node it sends to no other one, unless it is a GET: a POST is never made twice.
"""

import os
import pathlib
import shutil
import subprocess
import time

from harness import SECRET, Api, Listener, Node, database_for, free_ports, merged

NGINX = shutil.which("nginx", path=os.environ["PATH"] + ":/usr/sbin")
COUNT = int(os.environ.get("GRANTD_TEST_NODES") or 3)

CONFIG = """
daemon off; worker_processes 1; pid {dir}/nginx.pid; error_log {dir}/nginx.log;
events {{ worker_connections 2000; }}
http {{
  access_log off; client_max_body_size 0; large_client_header_buffers 4 64k; proxy_buffer_size 64k; proxy_buffers 8 64k;
  client_body_temp_path {dir}/body; proxy_temp_path {dir}/proxy; fastcgi_temp_path {dir}/f; uwsgi_temp_path {dir}/u; scgi_temp_path {dir}/s;
  proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $http_host; proxy_connect_timeout 5s;
  proxy_next_upstream error timeout;
  upstream public {{ {public_nodes} keepalive 32; }}
  upstream admin {{ {admin_nodes} keepalive 32; }}
  server {{ listen 127.0.0.1:{public}; location / {{ proxy_pass http://public; }} }}
  server {{ listen 127.0.0.1:{admin}; location / {{ proxy_pass http://admin; }} }}
}}
"""


class Cluster(Api):
    def __init__(self, folder, config=None, env=None, *, nodes=COUNT, dsn=None, keys=True, **more):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.public, self.admin = map(Listener, free_ports(2))
        self.config = merged({"urls": {"self": {"issuer": self.public.url}}, "secrets": {"system": [SECRET]}}, config)
        self.database = database_for(self.folder, self.config, env, keys) if dsn is None else None
        self.dsn = self.database.dsn if dsn is None else dsn
        self.nodes = [Node(self.folder / f"node{i}", self.config, env, dsn=self.dsn, **more) for i in range(nodes)]
        self.proxy = None

    def start(self):
        for node in self.nodes:
            node.start(ready=False)
        for node in self.nodes:
            node.wait_ready()
        self.start_proxy()
        return self

    def start_proxy(self):
        def upstreams(listener):
            return " ".join(f"server 127.0.0.1:{getattr(node, listener).port} fail_timeout=1s;" for node in self.nodes)
        config = self.folder / "nginx.conf"
        config.write_text(CONFIG.format(dir=self.folder, public=self.public.port, admin=self.admin.port,
                                        public_nodes=upstreams("public"), admin_nodes=upstreams("admin")))
        self.proxy = subprocess.Popen([NGINX, "-c", config, "-e", self.folder / "nginx.log"])
        for listener in (self.public, self.admin):
            self.await_listener(listener)

    def await_listener(self, listener):
        until = time.monotonic() + 20
        while True:
            try:
                assert listener.get("/health/ready").status == 200
                return
            except OSError:
                assert self.proxy.poll() is None and time.monotonic() < until, (self.folder / "nginx.log").read_text()
                time.sleep(0.01)

    def stop_proxy(self):
        if self.proxy:
            self.proxy.terminate()
            self.proxy.wait()
            self.proxy = None

    def each(self, act):
        """act(node) for every node, also when one fails; the first failure is raised then."""
        problems = []
        for node in self.nodes:
            try:
                act(node)
            except AssertionError as problem:
                problems.append(problem)
        if problems:
            raise problems[0]

    def stop(self):
        self.stop_proxy()
        self.each(Node.stop)

    def kill(self):
        self.stop_proxy()
        self.each(Node.kill)

    def close(self):
        try:
            self.stop()
        finally:
            if self.database:
                self.database.drop()

    def cli(self, *arguments, **more):
        return self.nodes[0].cli(*arguments, **{"endpoint": self.admin, **more})

    @property
    def log(self):
        return "".join(node.log for node in self.nodes)

    def records(self, message=None):
        return [record for node in self.nodes for record in node.records(message)]
