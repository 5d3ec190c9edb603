// The app: keeps every trigger, sends it on, and answers Reddit.
import type { IncomingMessage } from 'node:http';

import { createServer, getServerPort, redis, settings } from '@devvit/web/server';

import { keep, sendWhatWaits } from './outbox.js';

const TRIGGERS = '/internal/triggers/';
const world = { redis, fetch, now: Date.now, log: (line: string) => console.error(line) };

async function json(request: IncomingMessage): Promise<object> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return chunks.length ? JSON.parse(Buffer.concat(chunks).toString('utf8')) : {};
}

async function send(): Promise<void> {
  const [url, secret] = await Promise.all([settings.get<string>('gatewayUrl'), settings.get<string>('secret')]);
  if (url && secret) await sendWhatWaits(world, { url, secret });
  else world.log('gatewayUrl and secret are not set; what comes is kept: npx devvit settings set gatewayUrl');
}

async function answer(request: IncomingMessage): Promise<number> {
  const path = request.url ?? '';
  if (path.startsWith(TRIGGERS)) await keep(world, path.slice(TRIGGERS.length), await json(request));
  else if (path !== '/internal/tasks/send-what-waits') return 404;
  // What is kept is safe: if the sending fails, the task of the next minute tries again.
  await send().catch((error: unknown) => world.log(`sending failed: ${String(error)}`));
  return 200;
}

createServer(async (request, response) => {
  const status = await answer(request).catch((error: unknown) => {
    world.log(`the trigger could not be kept: ${String(error)}`);
    return 500;
  });
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end('{}');
}).listen(getServerPort());
