#!/usr/bin/env bash
# Expected:  a mailer that is given clientId, clientSecret and refreshToken renews its access tokens by itself for as
#            long as the grant lives. Where an answer brings a new refresh token, the client "MUST discard the old
#            refresh token and replace it" (RFC 6749 §6); at least it hands the new one on.
# Really:    Nodemailer reads access_token and expires_in of the answer, and nothing else. It goes on with the refresh
#            token of its configuration, and its "token" event, there to store what was renewed, has no field for
#            another. Where each is good once (Keycloak, Okta, Auth0, if told to), the second renewal ends in
#            invalid_grant, one token's life after all seemed well, and the good secret is in nobody's hands. Microsoft
#            sends a new one each time, too, and lets the old one live on for 90 days: there it ends on the 91st.
# Version:   nodemailer 10.6.1 (npm)
# Source:    run; dist/cjs/xoauth2/index.js, postRequest and updateToken; RFC 6749 §6
# Date:      2026-11-28
# Needs:     node 20, npm
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"
npm install --silent --no-audit --no-fund --prefix . nodemailer@10.6.1 > /dev/null
cat > send.cjs << 'NODE'
const http = require('node:http');
const net = require('node:net');
const { createTransport } = require('nodemailer');

// A token endpoint that rotates: each refresh token is good once. Its access tokens live for a second.
let renewed = 0;
const provider = http.createServer((request, response) => {
  let words = '';
  request.on('data', (some) => { words += some; }).on('end', () => {
    const used = new URLSearchParams(words).get('refresh_token');
    const isGood = used === `grant-${renewed}`;
    if (isGood) renewed += 1;
    const answer = isGood
      ? { access_token: `token-${renewed}`, token_type: 'Bearer', expires_in: 1, refresh_token: `grant-${renewed}` }
      : { error: 'invalid_grant', error_description: 'The refresh token was used before.' };
    console.log(`  renewal with ${used}: ${answer.refresh_token ?? answer.error}`);
    response.writeHead(isGood ? 200 : 400, { 'Content-Type': 'application/json' }).end(JSON.stringify(answer));
  });
});

// A mail host that takes the newest access token.
const host = net.createServer((socket) => {
  socket.write('220 mail.example.com ESMTP\r\n');
  socket.on('error', () => {}).on('data', (line) => {
    const [verb, , first] = line.toString().trim().split(' ');
    if (verb === 'EHLO') return socket.write('250-mail.example.com\r\n250 AUTH XOAUTH2\r\n');
    if (verb !== 'AUTH') return socket.end('221 bye\r\n');
    const isGood = Buffer.from(first, 'base64').toString().includes(`Bearer token-${renewed}\x01`);
    return socket.write(isGood ? '235 welcome\r\n' : '535 refused\r\n');
  });
});

const listening = (server) => new Promise((ready) => {
  server.listen(0, '127.0.0.1', () => ready(server.address().port));
});
(async () => {
  const [tokens, smtp] = [await listening(provider), await listening(host)];
  const mailer = createTransport({ host: '127.0.0.1', port: smtp, secure: false, ignoreTLS: true, auth: {
    type: 'OAuth2', user: 'support@example.com', clientId: 'id', clientSecret: 'secret', refreshToken: 'grant-0',
    accessUrl: `http://127.0.0.1:${tokens}/token` } });
  mailer.on('token', (token) => console.log(`  to be stored: ${Object.keys(token).sort().join(', ')}`));
  for (const when of ['at first', 'when that token has ended']) {
    console.log(`${when}:`);
    await mailer.verify().then(
      () => console.log('  logged in'), (error) => console.log(`  ${error.code}: ${error.message}`));
    await new Promise((later) => { setTimeout(later, 1500); });
  }
  process.exit(0);
})();
NODE
node send.cjs | tee said
diff - said << 'SAID'
at first:
  renewal with grant-0: grant-1
  to be stored: accessToken, expires, user
  logged in
when that token has ended:
  renewal with grant-0: invalid_grant
  EAUTH: invalid_grant: The refresh token was used before.
SAID
