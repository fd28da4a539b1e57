#!/usr/bin/env bash
# Expected:  a domain that offers no submission and no IMAP says so with the SRV target "." (RFC 2782, RFC 6186 §3.4);
#            a program that hands on what the look-up found fails at a host that does not exist.
# Really:    Node's resolver (c-ares) writes "." as an empty name and the port as 0, and to Nodemailer and
#            node-imap both of them mean "not given": they connect to localhost, at the usual port. "There is no such
#            service" becomes the mail server of the machine itself, if it has one, with the user's password. A null
#            MX (RFC 7505) is read as the same empty name. Python's dnspython writes ".", which no one connects to.
# Version:   node 20 (seen with 20.20.2), nodemailer 10.6.1, imap (node-imap) 0.8.19 (npm), dnspython 2.9.2 (PyPI)
# Source:    run; RFC 2782 ("A Target of "." means that the service is decidedly not available at this domain")
# Date:      2026-11-28
# Needs:     node 20, npm, python3
set -euo pipefail
tmp=$(mktemp -d)
trap '[ -n "${names:-}" ] && kill "$names" 2> /dev/null; rm -rf "$tmp"' EXIT
cd "$tmp"
python3 -m venv python
python/bin/pip --quiet --disable-pip-version-check install dnspython==2.9.2 2> /dev/null
npm install --silent --no-audit --no-fund --prefix . nodemailer@10.6.1 imap@0.8.19 > /dev/null
cat > names.py << 'PYTHON'
"""A name server whose domains offer no mail service of any kind."""
import socketserver

import dns.message
import dns.rrset

class Answers(socketserver.BaseRequestHandler):
    def handle(self):
        words, sock = self.request
        asked = dns.message.from_wire(words)
        name, kind = asked.question[0].name, dns.rdatatype.to_text(asked.question[0].rdtype)
        answer = dns.message.make_response(asked)
        answer.answer.append(dns.rrset.from_text(name, 60, "IN", kind, {"SRV": "0 0 0 .", "MX": "0 ."}[kind]))
        sock.sendto(answer.to_wire(), self.client_address)

with socketserver.UDPServer(("127.0.0.1", 0), Answers) as server:
    print(server.server_address[1], flush=True)
    server.serve_forever()
PYTHON
cat > client.cjs << 'NODE'
const net = require('net');
const { Resolver } = require('dns').promises;
const nodemailer = require('nodemailer');
const Imap = require('imap');

// Where a connection would go: nobody is called, whatever this machine offers.
let dialled;
net.Socket.prototype.connect = function (...args) {
  const [options] = Array.isArray(args[0]) ? args[0] : args;
  const { host, port } = typeof options === 'object' ? options : { port: options, host: args[1] };
  dialled(`${host || 'localhost'}:${port}`); // an empty host is localhost to net.connect
  process.nextTick(() => this.destroy(new Error('nobody is called')));
  return this;
};
const where = (connect) => new Promise((resolve) => { dialled = resolve; connect(); });

(async () => {
  const resolver = new Resolver();
  resolver.setServers([`127.0.0.1:${process.argv[2]}`]);
  const [submission] = await resolver.resolveSrv('_submission._tcp.example.com');
  const [imap] = await resolver.resolveSrv('_imap._tcp.example.com');
  const [mx] = await resolver.resolveMx('example.com');
  console.log('SRV in Node:', JSON.stringify([submission.name, submission.port]), 'MX:', JSON.stringify(mx.exchange));
  console.log('nodemailer:', await where(() => nodemailer.createTransport(
    { host: submission.name, port: submission.port, auth: { user: 'alice', pass: 'secret' } }).verify().catch(() => {})));
  console.log('node-imap:', await where(() => {
    const client = new Imap({ host: imap.name, port: imap.port, user: 'alice', password: 'secret' });
    client.on('error', () => {});
    client.connect();
  }));
  process.exit(0);
})();
NODE
python/bin/python names.py > port &
names=$!
until [ -s port ]; do sleep 0.1; done
{
  node client.cjs "$(cat port)"
  python/bin/python - "$(cat port)" << 'PYTHON'
import sys
import dns.resolver

resolver = dns.resolver.Resolver(configure=False)
resolver.nameservers, resolver.port = ["127.0.0.1"], int(sys.argv[1])
print("SRV in dnspython:", resolver.resolve("_submission._tcp.example.com", "SRV")[0].target)
PYTHON
} | sed 's/\(127.0.0.1\|::1\|localhost\):/this machine:/' | tee said
diff - said << 'SAID'
SRV in Node: ["",0] MX: ""
nodemailer: this machine:587
node-imap: this machine:143
SRV in dnspython: .
SAID
