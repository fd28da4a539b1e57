#!/usr/bin/env bash
# Expected:  the longer an access token lives, the less often it is renewed: a client that renews it a minute before it
#            ends asks once in an hour for a token of an hour, and once in a month for one of a month.
# Really:    @badgateway/oauth2-client sets a timer for that minute, and Node's timers hold no more than 2^31 - 1
#            milliseconds; a longer one fires at once. A token of 25 days or more is renewed as soon as it is there, and
#            so is its successor: some hundred renewals a second, from the first request on, in the background, each
#            with a new refresh token where they rotate. Yandex is a mail host with tokens of that length. Tokens of
#            24 days are fine, and so is "scheduleRefresh: false", which renews when a token is used.
# Version:   @badgateway/oauth2-client 3.3.1 (npm), node 20
# Source:    run; dist/fetch-wrapper.js, scheduleRefresh(); nodejs.org/api/timers.html ("larger than 2147483647 … the
#            delay will be set to 1"); yandex.com/dev/id/doc/en/tokens/refresh-client ("We recommend updating
#            long-living tokens every three months")
# Date:      2026-11-29
# Needs:     node 20, npm
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"
npm install --silent --no-audit --no-fund --prefix . @badgateway/oauth2-client@3.3.1 > /dev/null
cat > renew.mjs << 'NODE'
import http from 'node:http';
import { OAuth2Client, OAuth2Fetch } from '@badgateway/oauth2-client';

const DAY = 24 * 60 * 60;
let life;
let renewed;
// A provider that rotates its refresh tokens (/token), and a mailbox (any other path).
const provider = http.createServer((request, response) => {
  request.resume().on('end', () => {
    if (request.url !== '/token') return response.end('mail');
    renewed += 1;
    return response.writeHead(200, { 'Content-Type': 'application/json' }).end(JSON.stringify({
      access_token: `token-${renewed}`, token_type: 'Bearer', expires_in: life, refresh_token: `grant-${renewed}` }));
  });
});
await new Promise((ready) => { provider.listen(0, '127.0.0.1', ready); });
const server = `http://127.0.0.1:${provider.address().port}`;

async function oneRequest(days, options) {
  [life, renewed] = [days * DAY, 0];
  const client = new OAuth2Client({ server, tokenEndpoint: '/token', clientId: 'id', clientSecret: 'secret' });
  const stored = { accessToken: 'token-0', refreshToken: 'grant-0', expiresAt: null };
  const mailbox = new OAuth2Fetch({ client, getNewToken: () => client.refreshToken(stored), ...options });
  await mailbox.fetch(`${server}/mailbox`);
  // For at most twenty renewals, or half a second.
  for (const until = Date.now() + 500; Date.now() < until && renewed < 20;) {
    await new Promise((later) => { setTimeout(later, 5); });
  }
  mailbox.options.scheduleRefresh = false;
  const how = renewed < 20 ? `${renewed} renewal` : 'at least 20 renewals';
  console.log(`${days} days${options ? ', scheduleRefresh: false' : ''}: ${how} for one request`);
}

await oneRequest(1);
await oneRequest(24);
await oneRequest(365, { scheduleRefresh: false });
await oneRequest(25);
process.exit(0);
NODE
node --disable-warning=TimeoutOverflowWarning renew.mjs 2> warnings | tee said
diff - said << 'SAID'
1 days: 1 renewal for one request
24 days: 1 renewal for one request
365 days, scheduleRefresh: false: 1 renewal for one request
25 days: at least 20 renewals for one request
SAID
