// What is to be forwarded waits in Redis until the gateway has it: a trigger that is not answered never comes again.
import { randomUUID } from 'node:crypto';

import { sign } from './signing.js';

const WAITING = 'outbox:waiting'; // a sorted set of ids, in the order of arrival
const BODIES = 'outbox:bodies'; // id -> {body, since}
const ARRIVALS = 'outbox:arrivals'; // counts them
const PAUSE = 'outbox:pause'; // {until, failures}
const SENDER = 'outbox:sender'; // held by the one run that sends

const SECOND = 1000;
const KEPT = 3 * 24 * 3600 * SECOND;
const MOST = 20_000; // An installation's Redis is small; beyond this the newest are refused, aloud.
const LONGEST_PAUSE = 15 * 60 * SECOND;
const ONE_REQUEST = 10 * SECOND;
const ONE_RUN = 20 * SECOND; // Reddit ends an endpoint's work after 30 s.

/**
 * The part of Devvit's Redis that is used here.
 * @typedef {object} Redis
 * @property {(key: string) => Promise<string | undefined>} get
 * @property {(key: string, value: string, options?: {nx?: boolean, expiration?: Date}) => Promise<string>} set
 * @property {(...keys: string[]) => Promise<void>} del
 * @property {(key: string, by: number) => Promise<number>} incrBy
 * @property {(key: string, ...members: {member: string, score: number}[]) => Promise<number>} zAdd
 * @property {(key: string, start: number, stop: number, options: {by: 'rank'}) => Promise<{member: string}[]>} zRange
 * @property {(key: string, members: string[]) => Promise<number>} zRem
 * @property {(key: string) => Promise<number>} zCard
 * @property {(key: string, fields: Record<string, string>) => Promise<number>} hSet
 * @property {(key: string, field: string) => Promise<string | undefined>} hGet
 * @property {(key: string, fields: string[]) => Promise<number>} hDel
 *
 * @typedef {object} World
 * @property {Redis} redis
 * @property {typeof fetch} fetch
 * @property {() => number} now Unix milliseconds
 * @property {(line: string) => void} log
 *
 * @typedef {{url: string, secret: string}} Gateway
 */

/**
 * Keep a trigger; it is safe when this returns.
 *
 * @param {World} world
 * @param {string} type the trigger's name, such as CommentSubmit
 * @param {object} trigger what Reddit told, untouched
 */
export async function keep({ redis, now, log }, type, trigger) {
  if ((await redis.zCard(WAITING)) >= MOST) {
    log(`${MOST} triggers wait already; this ${type} is dropped`);
    return;
  }
  const id = `msg_${randomUUID()}`;
  const body = JSON.stringify({ ...trigger, type });
  await redis.hSet(BODIES, { [id]: JSON.stringify({ body, since: now() }) });
  await redis.zAdd(WAITING, { member: id, score: await redis.incrBy(ARRIVALS, 1) });
}

/**
 * Send what waits, oldest first, until nothing does or one cannot be sent; return how many the gateway took.
 *
 * @param {World} world
 * @param {Gateway} gateway
 */
export async function sendWhatWaits(world, gateway) {
  const { redis, now } = world;
  if ((await pause(redis)).until > now()) return 0;
  const until = now() + ONE_RUN;
  const mine = randomUUID();
  await redis.set(SENDER, mine, { nx: true, expiration: new Date(until + ONE_REQUEST + SECOND) });
  if ((await redis.get(SENDER)) !== mine) return 0;
  try {
    return await sendUntil(world, gateway, until);
  } finally {
    await redis.del(SENDER);
  }
}

/**
 * @param {World} world
 * @param {Gateway} gateway
 * @param {number} until
 */
async function sendUntil(world, gateway, until) {
  const { redis, now } = world;
  let sent = 0;
  while (now() < until) {
    const [oldest] = await redis.zRange(WAITING, 0, 0, { by: 'rank' });
    if (oldest === undefined) break;
    const outcome = await sendOne(world, gateway, oldest.member);
    if (outcome === 'later') break;
    await redis.zRem(WAITING, [oldest.member]);
    await redis.hDel(BODIES, [oldest.member]);
    sent += outcome === 'taken' ? 1 : 0;
  }
  return sent;
}

/**
 * @param {World} world
 * @param {Gateway} gateway
 * @param {string} id
 * @returns {Promise<'taken' | 'dropped' | 'later'>}
 */
async function sendOne(world, gateway, id) {
  const { redis, now, log } = world;
  const kept = await redis.hGet(BODIES, id);
  if (kept === undefined) return 'dropped';
  const { body, since } = JSON.parse(kept);
  const status = await post(world, gateway, id, body);
  if (status >= 200 && status < 300) {
    await redis.del(PAUSE);
    return 'taken';
  }
  if (isRefusedForGood(status) || now() - since > KEPT) {
    log(`${id} is dropped: the gateway answered ${status}, and it is ${Math.round((now() - since) / SECOND)} s old`);
    return 'dropped';
  }
  const failures = (await pause(redis)).failures + 1;
  const wait = Math.min(LONGEST_PAUSE, 2 ** Math.min(failures, 20) * 5 * SECOND);
  await redis.set(PAUSE, JSON.stringify({ until: now() + wait, failures }));
  log(`the gateway answered ${status || 'nothing'}; the next try is in ${wait / SECOND} s`);
  return 'later';
}

/**
 * Return the status of one try, 0 if there was no answer.
 *
 * @param {World} world
 * @param {Gateway} gateway
 * @param {string} id
 * @param {string} body
 */
async function post({ fetch, now, log }, { url, secret }, id, body) {
  const headers = { 'content-type': 'application/json', ...sign(body, secret, id, Math.floor(now() / SECOND)) };
  try {
    const answer = await fetch(url, { method: 'POST', headers, body, signal: AbortSignal.timeout(ONE_REQUEST) });
    await answer.arrayBuffer();
    return answer.status;
  } catch (error) {
    log(`fetch failed: ${error instanceof Error ? error.message : String(error)}`);
    return 0;
  }
}

/**
 * Say whether no later try of the same body could be taken; a wrong secret or address can still be put right.
 *
 * @param {number} status
 */
function isRefusedForGood(status) {
  return [400, 413, 415, 422].includes(status);
}

/**
 * @param {Redis} redis
 * @returns {Promise<{until: number, failures: number}>}
 */
async function pause(redis) {
  const kept = await redis.get(PAUSE);
  return kept === undefined ? { until: 0, failures: 0 } : JSON.parse(kept);
}
