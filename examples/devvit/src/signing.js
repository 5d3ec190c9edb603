// Standard Webhooks 1.0.0 (https://github.com/standard-webhooks/standard-webhooks): what the gateway verifies.
import { createHmac } from 'node:crypto';

const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/**
 * Return the header fields that prove `body` under `secret` at `seconds`.
 *
 * @param {string} body exactly what is sent
 * @param {string} secret `whsec_` and base64, or a plain text
 * @param {string} id the same for every try to deliver one message; no dots
 * @param {number} seconds Unix time of this try
 * @returns {Record<string, string>}
 */
export function sign(body, secret, id, seconds) {
  const digest = createHmac('sha256', key(secret)).update(`${id}.${seconds}.${body}`, 'utf8').digest('base64');
  return { 'webhook-id': id, 'webhook-timestamp': String(seconds), 'webhook-signature': `v1,${digest}` };
}

/** @param {string} secret */
function key(secret) {
  const bare = secret.startsWith('whsec_') ? secret.slice('whsec_'.length) : '';
  const padded = bare + '='.repeat((4 - (bare.length % 4)) % 4);
  // What is no base64 after all is a plain secret: Buffer would skip the junk and sign with half of it.
  return bare && BASE64.test(padded) ? Buffer.from(padded, 'base64') : Buffer.from(secret, 'utf8');
}
