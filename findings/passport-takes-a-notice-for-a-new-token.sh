#!/usr/bin/env bash
# Expected:  a renewal that brought no access token has failed, whatever its status was: a gateway's "back at noon"
#            page with status 200, or an error in a 200, is an error to whoever asked.
# Really:    passport-oauth2-refresh, and "oauth", on which it and most of Passport's strategies stand, look at the
#            status alone. What isn't JSON is read as a form ("a=b&c=d", as a draft of 2010 had it), any text is one,
#            and so a page of HTML is a success: error null, access token undefined. "You have a new access token, store
#            it in the user object", says the README, and whoever does has put nothing in the place of a token, for a
#            mailbox whose grant is well. openid-client calls either an error.
# Version:   passport-oauth2-refresh 2.2.0, passport-oauth2 1.8.0, oauth 0.10.2, openid-client 6.9.0 for the other (npm)
# Source:    run; oauth/lib/oauth2.js, getOAuthAccessToken ("As of http://tools.ietf.org/html/draft-ietf-oauth-v2-07
#            responses should be in JSON"); RFC 6749 §5.1
# Date:      2026-11-29
# Needs:     node 20, npm
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"
npm install --silent --no-audit --no-fund --prefix . \
    passport-oauth2-refresh@2.2.0 passport-oauth2@1.8.0 oauth@0.10.2 openid-client@6.9.0 > /dev/null
cat > renew.mjs << 'NODE'
import http from 'node:http';
import OAuth2Strategy from 'passport-oauth2';
import refresh from 'passport-oauth2-refresh';
import * as openid from 'openid-client';

const ANSWERS = {
  'a new token': [200, 'application/json', '{"access_token": "new", "token_type": "Bearer", "expires_in": 3600}'],
  'a refusal': [400, 'application/json', '{"error": "invalid_grant"}'],
  'a refusal in a 200': [200, 'application/json', '{"error": "invalid_grant"}'],
  'a notice in a 200': [200, 'text/html', '<html lang="en"><body>We will be back at noon.</body></html>'],
};
let now;
const provider = http.createServer((request, response) => {
  request.resume().on('end', () => response.writeHead(now[0], { 'Content-Type': now[1] }).end(now[2]));
});
await new Promise((ready) => { provider.listen(0, '127.0.0.1', ready); });
const url = `http://127.0.0.1:${provider.address().port}`;

refresh.use('mailbox', new OAuth2Strategy({ authorizationURL: `${url}/authorize`, tokenURL: `${url}/token`,
  clientID: 'id', clientSecret: 'secret', callbackURL: 'http://localhost/' }, () => {}));
const renewed = () => new Promise((said) => {
  refresh.requestNewAccessToken('mailbox', 'the-grant', (error, token) => {
    said(error ? `error ${error.statusCode}` : `no error, access token ${token}`);
  });
});

const other = new openid.Configuration({ issuer: url, token_endpoint: `${url}/token` }, 'id', 'secret');
openid.allowInsecureRequests(other);
const renewedByOther = () => openid.refreshTokenGrant(other, 'the-grant').then(
  (answer) => `no error, access token ${answer.access_token}`, (error) => `error ${error.error ?? error.code}`);

for (const [name, answer] of Object.entries(ANSWERS)) {
  now = answer;
  console.log(`${name}:`);
  console.log(`  passport-oauth2-refresh: ${await renewed()}`);
  console.log(`  openid-client: ${await renewedByOther()}`);
}
process.exit(0);
NODE
node renew.mjs | tee said
diff - said << 'SAID'
a new token:
  passport-oauth2-refresh: no error, access token new
  openid-client: no error, access token new
a refusal:
  passport-oauth2-refresh: error 400
  openid-client: error invalid_grant
a refusal in a 200:
  passport-oauth2-refresh: no error, access token undefined
  openid-client: error OAUTH_INVALID_RESPONSE
a notice in a 200:
  passport-oauth2-refresh: no error, access token undefined
  openid-client: error OAUTH_RESPONSE_IS_NOT_JSON
SAID
