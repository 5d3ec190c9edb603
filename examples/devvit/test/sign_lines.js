// For a test in another language: reads lines of JSON {body, secret, id, seconds}, writes the header fields of each.
import { createInterface } from 'node:readline';

import { sign } from '../src/signing.js';

for await (const line of createInterface({ input: process.stdin })) {
  const { body, secret, id, seconds } = JSON.parse(line);
  console.log(JSON.stringify(sign(body, secret, id, seconds)));
}
