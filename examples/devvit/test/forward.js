// For a test against a running gateway: keeps each line of standard input, {type, trigger}, and sends them for real.
import { createInterface } from 'node:readline';

import { keep, sendWhatWaits } from '../src/outbox.js';
import { MemoryRedis } from './redis.js';

const [url, secret] = process.argv.slice(2);
const world = { redis: new MemoryRedis(Date.now), fetch, now: Date.now, log: (line) => console.error(line) };
for await (const line of createInterface({ input: process.stdin })) {
  const { type, trigger } = JSON.parse(line);
  await keep(world, type, trigger);
}
console.log(await sendWhatWaits(world, { url, secret }));
