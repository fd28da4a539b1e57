#!/usr/bin/env bash
# Expected:  a client that holds a refresh token renews an access token that the API answers with 401, and tries once
#            more: so does google-auth, Google's own client for Python. Then either the call succeeds, or the renewal
#            says "invalid_grant", and the program knows that the grant is gone.
# Really:    Google's client for Node does so only where it does not know when the token ends. getToken() tells it, so
#            that a token which ended before its time (a password changed, a session signed out) is sent again and
#            again, for up to an hour; each call fails with 401, and no renewal is tried. "forceRefreshOnFailure: true"
#            brings it back. Where no end is known, 403 is renewed, too, which says "you may not", not "who are you".
# Version:   google-auth-library 10.5.0 (npm); 11.3.4, which asks for node 22, does the same
# Source:    run; https://github.com/googleapis/google-auth-library-nodejs, src/auth/oauth2client.ts (requestAsync)
# Date:      2026-11-28
# Needs:     node 20, npm
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"
npm install --silent --no-audit --no-fund --prefix . google-auth-library@10.5.0 > /dev/null
cat > client.cjs << 'NODE'
const http = require('http');
const { OAuth2Client } = require('google-auth-library');

// A token endpoint that always renews, and an API that takes renewed tokens only.
let refusal, renewed, asked;
const server = http.createServer(async (request, response) => {
  let form = '';
  for await (const part of request) form += part;
  const reply = (status, body) => {
    response.writeHead(status, { 'Content-Type': 'application/json' });
    response.end(JSON.stringify(body));
  };
  if (request.url === '/token') {
    const isRenewal = new URLSearchParams(form).get('grant_type') === 'refresh_token';
    if (isRenewal) renewed += 1;
    return reply(200, { access_token: isRenewal ? 'renewed' : 'ended-early', token_type: 'Bearer', expires_in: 3599,
      ...(isRenewal ? {} : { refresh_token: 'the-grant' }) });
  }
  asked += 1;
  const isTaken = refusal === 401 && request.headers.authorization === 'Bearer renewed';
  return reply(isTaken ? 200 : refusal, {});
});

async function calls(name, status, { knowsTheEnd, ...more }) {
  [refusal, renewed, asked] = [status, 0, 0];
  const host = `http://127.0.0.1:${server.address().port}`;
  const client = new OAuth2Client({ clientId: 'id', clientSecret: 'secret',
    endpoints: { oauth2TokenUrl: `${host}/token` }, ...more });
  const { tokens } = await client.getToken('code');
  client.setCredentials(knowsTheEnd ? tokens : { ...tokens, expiry_date: undefined });
  const answers = [];
  for (let n = 0; n < 2; n++) {
    answers.push(await client.request({ url: `${host}/messages` }).then((it) => it.status, (error) => error.status));
  }
  console.log(`${name}: ${answers.join(', ')}; renewed ${renewed} times, ${asked} requests`);
}

server.listen(0, '127.0.0.1', async () => {
  await calls('401, as getToken() leaves it', 401, { knowsTheEnd: true });
  await calls('401, forceRefreshOnFailure', 401, { knowsTheEnd: true, forceRefreshOnFailure: true });
  await calls('401, without expiry_date', 401, { knowsTheEnd: false });
  await calls('403, as getToken() leaves it', 403, { knowsTheEnd: true });
  await calls('403, without expiry_date', 403, { knowsTheEnd: false });
  process.exit(0);
});
NODE
node client.cjs | tee said
diff - said << 'SAID'
401, as getToken() leaves it: 401, 401; renewed 0 times, 2 requests
401, forceRefreshOnFailure: 200, 200; renewed 1 times, 3 requests
401, without expiry_date: 200, 200; renewed 1 times, 3 requests
403, as getToken() leaves it: 403, 403; renewed 0 times, 2 requests
403, without expiry_date: 403, 403; renewed 1 times, 3 requests
SAID
