import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

import { sign } from '../src/signing.js';

// The first is published by Svix; the gateway's own tests sign and verify all of them.
const vectors = JSON.parse(readFileSync(new URL('vectors.json', import.meta.url), 'utf8'));

for (const { secret, id, seconds, body, signature } of vectors) {
  test(`signs ${body} as the gateway expects`, () => {
    assert.deepEqual(sign(body, secret, id, seconds), {
      'webhook-id': id,
      'webhook-timestamp': String(seconds),
      'webhook-signature': signature,
    });
  });
}
