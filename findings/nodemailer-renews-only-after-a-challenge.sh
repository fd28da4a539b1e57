#!/usr/bin/env bash
# Expected:  Nodemailer, refused with an access token that it still holds for good, asks the token endpoint for another
#            one and logs in with that: at Gmail that is what one sees.
# Really:    it does so only where the server sends a challenge (334) before its refusal, as Gmail does. Where the
#            refusal comes at once, as at Exchange ("535 5.7.3 Authentication unsuccessful"), nothing is renewed, and the
#            transport sends the same token with every further mail until its expires_in is over: an hour of
#            "Invalid login" although the refresh token is fine.
# Version:   nodemailer 10.6.1 (npm); 6.8.0 of Debian 12 does the same
# Source:    run; https://github.com/nodemailer/nodemailer, smtp-connection (_actionAUTHComplete)
# Date:      2026-11-28
# Needs:     node 20, npm
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"
npm install --silent --no-audit --no-fund --prefix . nodemailer@10.6.1 > /dev/null
cat > client.cjs << 'NODE'
const http = require('http');
const net = require('net');
const nodemailer = require('nodemailer');

let renewals = 0;
const endpoint = http.createServer((request, response) => {
  request.resume().on('end', () => {
    renewals += 1;
    response.setHeader('Content-Type', 'application/json');
    const access_token = renewals === 1 ? 'ended-early' : 'renewed';
    response.end(JSON.stringify({ access_token, token_type: 'Bearer', expires_in: 3599 }));
  });
});

// A host that takes the renewed token alone, and refuses with or without a challenge.
let challenges;
const host = net.createServer((socket) => {
  const say = (line) => socket.write(`${line}\r\n`);
  let isData = false;
  socket.on('error', () => {});
  say('220 ready');
  socket.on('data', (bytes) => {
    for (const line of bytes.toString().split('\r\n').slice(0, -1)) {
      if (isData) { if (line === '.') { isData = false; say('250 taken'); } continue; }
      const [verb, , first] = line.split(' ');
      if (verb === 'EHLO') { say('250-here'); say('250 AUTH XOAUTH2'); }
      else if (verb === 'AUTH') {
        if (Buffer.from(first, 'base64').toString().includes('Bearer renewed')) say('235 welcome');
        else if (challenges) say('334 eyJzdGF0dXMiOiI0MDAifQ==');
        else say('535 5.7.3 Authentication unsuccessful');
      } else if (verb === '') say('535 5.7.8 not accepted');
      else if (verb === 'DATA') { isData = true; say('354 go on'); }
      else say('250 fine');
    }
  });
});

async function mails(name) {
  renewals = 0;
  const transport = nodemailer.createTransport({ host: '127.0.0.1', port: host.address().port, ignoreTLS: true,
    auth: { type: 'OAuth2', user: 'alice@example.com', clientId: 'id', clientSecret: 'secret',
      refreshToken: 'the-grant', accessUrl: `http://127.0.0.1:${endpoint.address().port}/token` } });
  const mail = { from: 'alice@example.com', to: 'bob@example.com', subject: 'Hello', text: 'Hello' };
  const ended = [];
  for (let n = 0; n < 3; n++) ended.push(await transport.sendMail(mail).then(() => 'sent', (error) => error.code));
  console.log(`${name}: ${ended.join(', ')}; the token endpoint was asked ${renewals} times`);
}

endpoint.listen(0, '127.0.0.1', () => host.listen(0, '127.0.0.1', async () => {
  challenges = true;
  await mails('refused after a challenge');
  challenges = false;
  await mails('refused at once');
  process.exit(0);
}));
NODE
node client.cjs | tee said
diff - said << 'END'
refused after a challenge: sent, sent, sent; the token endpoint was asked 2 times
refused at once: EAUTH, EAUTH, EAUTH; the token endpoint was asked 1 times
END
