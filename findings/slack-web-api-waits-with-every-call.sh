#!/usr/bin/env bash
# Expected:  Slack limits each method by itself, and chat.postMessage for each conversation; a client that was told
#            to wait with one message waits with that one, and opens a dialog meanwhile.
# Really:    the Node client pauses the one queue of all its calls for as long as Retry-After says. A message too many
#            in one channel holds back views.open, whose trigger_id is good for three seconds: while one conversation
#            is busy, every click in the workspace ends in expired_trigger_id. With a token per call, other workspaces
#            wait, too.
# Version:   @slack/web-api 8.2.0 (npm)
# Source:    run; dist/WebClient.js:makeRequest, requestQueue.pause(); docs.slack.dev/apis/web-api/rate-limits
# Date:      2026-11-28
# Needs:     node 20, npm
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"
npm install --silent --no-audit --no-fund --prefix . @slack/web-api@8.2.0 > /dev/null
cat > client.cjs << 'NODE'
const http = require('http');
const { WebClient, LogLevel } = require('@slack/web-api');

let isBusy = true;  // the channel has had a message too many
const server = http.createServer((request, response) => {
  request.resume();
  request.on('end', () => {
    if (isBusy && request.url.endsWith('chat.postMessage')) {
      isBusy = false;
      response.writeHead(429, { 'Retry-After': '5' });
      return response.end();
    }
    response.writeHead(200, { 'Content-Type': 'application/json' });
    response.end('{"ok": true}');
  });
});

async function opens(client, when) {
  const began = Date.now();
  const view = { type: 'modal', title: { type: 'plain_text', text: 'Hello' }, blocks: [] };
  await client.views.open({ trigger_id: '1.2.3', view });
  const took = (Date.now() - began) / 1000;
  console.log(`${when}: views.open ${took < 2 ? 'at once' : took > 3 ? 'later than a trigger lives' : `after ${took} s`}`);
}

server.listen(0, '127.0.0.1', async () => {
  const slackApiUrl = `http://127.0.0.1:${server.address().port}/api/`;
  const client = new WebClient('xoxb-0', { slackApiUrl, logLevel: LogLevel.ERROR });
  await opens(client, 'before');
  const limited = new Promise((resolve) => client.once('rate_limited', resolve));
  const message = client.chat.postMessage({ channel: 'C0BUSY', text: 'hello' });
  await limited;
  await opens(client, 'while one channel is limited');
  await message;
  server.close();
});
NODE
node client.cjs | tee said
diff - said << 'SAID'
before: views.open at once
while one channel is limited: views.open later than a trigger lives
SAID
