// The part of Devvit's Redis that the outbox uses, in memory.
export class MemoryRedis {
  #values = new Map();
  #sets = new Map();
  #hashes = new Map();
  #now;

  constructor(now) {
    this.#now = now;
  }

  #live(key) {
    const kept = this.#values.get(key);
    return kept && (kept.expires === undefined || kept.expires > this.#now()) ? kept.value : undefined;
  }

  #of(maps, key) {
    if (!maps.has(key)) maps.set(key, new Map());
    return maps.get(key);
  }

  async get(key) {
    return this.#live(key);
  }

  async set(key, value, { nx = false, expiration } = {}) {
    if (nx && this.#live(key) !== undefined) return '';
    this.#values.set(key, { value, expires: expiration?.getTime() });
    return 'OK';
  }

  async del(...keys) {
    for (const key of keys) this.#values.delete(key);
  }

  async incrBy(key, by) {
    const value = Number(this.#live(key) ?? 0) + by;
    this.#values.set(key, { value: String(value) });
    return value;
  }

  async zAdd(key, ...members) {
    for (const { member, score } of members) this.#of(this.#sets, key).set(member, score);
    return members.length;
  }

  async zRange(key, start, stop) {
    const sorted = [...this.#of(this.#sets, key)].sort((a, b) => a[1] - b[1]);
    return sorted.slice(start, stop + 1).map(([member, score]) => ({ member, score }));
  }

  async zRem(key, members) {
    return members.filter((member) => this.#of(this.#sets, key).delete(member)).length;
  }

  async zCard(key) {
    return this.#of(this.#sets, key).size;
  }

  async hSet(key, fields) {
    for (const [field, value] of Object.entries(fields)) this.#of(this.#hashes, key).set(field, value);
    return Object.keys(fields).length;
  }

  async hGet(key, field) {
    return this.#of(this.#hashes, key).get(field);
  }

  async hDel(key, fields) {
    return fields.filter((field) => this.#of(this.#hashes, key).delete(field)).length;
  }

  get bodies() {
    return this.#of(this.#hashes, 'outbox:bodies').size;
  }
}
