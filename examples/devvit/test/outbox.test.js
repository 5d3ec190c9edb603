import assert from 'node:assert/strict';
import { test } from 'node:test';

import { keep, sendWhatWaits } from '../src/outbox.js';
import { MemoryRedis } from './redis.js';

const GATEWAY = { url: 'https://gateway.example.com/webhook/reddit', secret: 'whsec_c2VjcmV0LXNlY3JldA==' };
const MINUTE = 60_000;

/** A world whose gateway gives the answers of `answers` in turn, then 200; what it was sent stands in `asked`. */
function worldOf(...answers) {
  const world = { time: Date.UTC(2026, 10, 24, 12), asked: [], lines: [] };
  world.now = () => world.time;
  world.log = (line) => world.lines.push(line);
  world.redis = new MemoryRedis(world.now);
  world.fetch = async (url, request) => {
    world.asked.push({ url, ...request, type: JSON.parse(request.body).type });
    const answer = answers.length ? answers.shift() : 200;
    if (answer instanceof Error) throw answer;
    return new Response('{}', { status: answer });
  };
  return world;
}

const types = (world) => world.asked.map(({ type }) => type);
const ids = (world) => world.asked.map(({ headers }) => headers['webhook-id']);

test('what is kept is sent once, signed, in the order of arrival', async () => {
  const world = worldOf();
  for (const type of ['CommentSubmit', 'CommentUpdate', 'CommentDelete']) await keep(world, type, { comment: {} });
  assert.equal(await sendWhatWaits(world, GATEWAY), 3);
  assert.equal(await sendWhatWaits(world, GATEWAY), 0);
  assert.deepEqual(types(world), ['CommentSubmit', 'CommentUpdate', 'CommentDelete']);
  assert.match(world.asked[0].headers['webhook-signature'], /^v1,[A-Za-z0-9+/]{43}=$/);
  assert.equal(world.redis.bodies, 0);
});

for (const trouble of [503, 401, 404, 429, 302, new Error('connection refused')]) {
  test(`after ${trouble} it waits, then tries again with the same id and a new time`, async () => {
    const world = worldOf(trouble, 200, 200);
    await keep(world, 'CommentSubmit', {});
    await keep(world, 'CommentDelete', {});
    assert.equal(await sendWhatWaits(world, GATEWAY), 0);
    assert.equal(await sendWhatWaits(world, GATEWAY), 0, 'it is paused');
    assert.equal(world.asked.length, 1);
    world.time += MINUTE;
    assert.equal(await sendWhatWaits(world, GATEWAY), 2);
    assert.deepEqual(types(world), ['CommentSubmit', 'CommentSubmit', 'CommentDelete']);
    assert.equal(ids(world)[0], ids(world)[1]);
    assert.notEqual(world.asked[0].headers['webhook-timestamp'], world.asked[1].headers['webhook-timestamp']);
    assert.equal(world.asked[0].body, world.asked[1].body);
  });
}

test('the pauses grow, to a quarter of an hour at most, and end with the first answer', async () => {
  const world = worldOf(...Array(12).fill(503));
  await keep(world, 'CommentSubmit', {});
  const waits = [];
  for (let tries = 1; tries <= 12; tries += 1) {
    const before = world.time;
    while (world.asked.length < tries) {
      world.time += 1000;
      await sendWhatWaits(world, GATEWAY);
    }
    waits.push((world.time - before) / 1000);
  }
  assert.deepEqual(waits.slice(1, 5), [10, 20, 40, 80]);
  assert.equal(waits.at(-1), 900);
  world.time += 15 * MINUTE;
  assert.equal(await sendWhatWaits(world, GATEWAY), 1);
  await keep(world, 'CommentDelete', {});
  assert.equal(await sendWhatWaits(world, GATEWAY), 1, 'nothing is paused any more');
});

test('what the gateway can never take holds nothing up', async () => {
  const world = worldOf(413, 200);
  await keep(world, 'PostSubmit', {});
  await keep(world, 'PostDelete', {});
  assert.equal(await sendWhatWaits(world, GATEWAY), 1);
  assert.equal(world.redis.bodies, 0);
  assert.match(world.lines.join('\n'), /dropped: the gateway answered 413/);
});

test('what has waited for three days is dropped, and said', async () => {
  const world = worldOf(...Array(9).fill(503));
  await keep(world, 'CommentSubmit', {});
  world.time += 3 * 24 * 60 * MINUTE + 1;
  await sendWhatWaits(world, GATEWAY);
  assert.equal(world.redis.bodies, 0);
  assert.match(world.lines.join('\n'), /is dropped/);
});

test('two runs at once send each trigger once', async () => {
  const world = worldOf();
  for (let number = 0; number < 5; number += 1) await keep(world, 'CommentSubmit', { number });
  const sent = await Promise.all([sendWhatWaits(world, GATEWAY), sendWhatWaits(world, GATEWAY)]);
  assert.equal(sent[0] + sent[1], 5);
  assert.equal(new Set(ids(world)).size, 5);
});

test('a run that died holds the next ones up for half a minute at most', async () => {
  const world = worldOf();
  await keep(world, 'CommentSubmit', {});
  await world.redis.set('outbox:sender', 'a run that died', { nx: true, expiration: new Date(world.time + 31_000) });
  assert.equal(await sendWhatWaits(world, GATEWAY), 0);
  world.time += MINUTE;
  assert.equal(await sendWhatWaits(world, GATEWAY), 1);
});

test('a store that is full refuses the newest, aloud', async () => {
  const world = worldOf();
  await world.redis.zAdd('outbox:waiting', ...Array.from({ length: 20_000 }, (_, n) => ({ member: `m${n}`, score: n })));
  await keep(world, 'CommentSubmit', {});
  assert.equal(world.redis.bodies, 0);
  assert.match(world.lines[0], /this CommentSubmit is dropped/);
});
