import { Backoff } from './backoff.js';
import { Emitter } from './emitter.js';
import { sayRefusal } from './refusals.js';

const RETRYABLE = new Set([401, 408, 429]);
const LONGEST_ORDERED_PAUSE = 60;

/**
 * A message that the server has not acknowledged yet.
 * @typedef {object} Entry
 * @property {string} key its idempotency key, the same at every attempt
 * @property {string} conversationId
 * @property {string} content
 * @property {string} [replyTo] id of the message that it answers
 * @property {string[]} [mentions]
 * @property {string} queuedAt ISO date
 * @property {'waiting' | 'sending' | 'failed'} state
 * @property {string} [reason] why the server refused it: for good if `failed`, for now if `waiting`
 */

/**
 * Messages on their way, kept in storage so that a reload or a flat battery loses none. They are sent one at a time, in
 * the order written. An attempt whose fate is unknown is repeated with the same key: the server stores it once.
 *
 * Every entry has its own storage item, so two tabs of one user do not overwrite each other's. Both may send the same
 * entry; the key makes that harmless.
 *
 * Emits `change`, and `sent` (answer, entry) with what the server said.
 */
export class Outbox extends Emitter {
  #sending = null;
  #retry;
  /** slow.get(conversationId) = timer: until then nothing more may be written there */
  #slow = new Map();

  /**
   * @param {object} options
   * @param {string} options.userId
   * @param {(entry: Entry) => Promise<object>} options.deliver resolves once the server has acknowledged
   * @param {Storage} [options.storage]
   * @param {Backoff} [options.backoff]
   */
  constructor({ userId, deliver, storage = localStorage, backoff = new Backoff({ first: 1000 }) }) {
    super();
    this.prefix = `stonechat.outbox.${userId}.`;
    this.deliver = deliver;
    this.storage = storage;
    this.backoff = backoff;
    /** @type {Entry[]} */
    this.entries = this.#load();
  }

  /** @returns {Entry[]} oldest first */
  of(conversationId) {
    return this.entries.filter((entry) => entry.conversationId === conversationId);
  }

  /** Whether an attempt of this conversation is in the air, so that its echo may come before its acknowledgement. */
  isSending(conversationId) {
    return this.#sending?.conversationId === conversationId;
  }

  /** @param {{replyTo?: string, mentions?: string[]}} [about] */
  add(conversationId, content, about = {}) {
    const entry = { key: crypto.randomUUID(), conversationId, content, ...about, queuedAt: this.#now(), state: 'waiting' };
    this.entries.push(entry);
    this.#save(entry);
    this.flush();
    return entry;
  }

  retry(key) {
    const entry = this.#find(key);
    if (!entry) return;
    entry.state = 'waiting';
    delete entry.reason;
    this.#save(entry);
    this.flush();
  }

  discard(key) {
    this.storage.removeItem(this.prefix + key);
    this.#forget(key);
  }

  discardAll() {
    for (const { key } of [...this.entries]) this.discard(key);
  }

  /** Stops repeating; an attempt in the air is not recalled. */
  pause() {
    clearTimeout(this.#retry);
    for (const timer of this.#slow.values()) clearTimeout(timer);
    this.#slow.clear();
  }

  /** Sends what waits, from the oldest on, until all is sent or an attempt has to be repeated later. */
  async flush() {
    if (this.#sending) return;
    clearTimeout(this.#retry);
    for (let entry = this.#next(); entry; entry = this.#next()) {
      if (!(await this.#attempt(entry))) break;
    }
  }

  /** @returns {Promise<boolean>} whether to go on with the next entry */
  async #attempt(entry) {
    this.#sending = entry;
    delete entry.reason;
    this.#mark(entry, 'sending');
    try {
      const answer = await this.deliver(entry);
      this.backoff.reset();
      this.discard(entry.key);
      this.emit('sent', answer, entry);
      return true;
    } catch (error) {
      if (isFinal(error)) {
        this.#fail(entry, error);
        return true;
      }
      if (error.code) entry.reason = sayRefusal(error);
      this.#mark(entry, 'waiting');
      if (error.data?.code === 'SLOW_MODE') {
        this.#holdBack(entry.conversationId, error.data.retryAfter);
        return true;
      }
      this.#retry = setTimeout(() => this.flush(), this.#pauseAfter(error));
      return false;
    } finally {
      this.#sending = null;
      this.emit('settled');
    }
  }

  #fail(entry, error) {
    entry.state = 'failed';
    entry.reason = sayRefusal(error);
    this.#save(entry);
  }

  /** One conversation that is slow does not keep what is written in others. */
  #holdBack(conversationId, seconds) {
    const goOn = () => {
      this.#slow.delete(conversationId);
      this.flush();
    };
    this.#slow.set(conversationId, setTimeout(goOn, seconds * 1000));
  }

  #pauseAfter(error) {
    const asked = Number(error.data?.retryAfter);
    const own = this.backoff.next();
    return asked > 0 ? Math.max(own, Math.min(asked, LONGEST_ORDERED_PAUSE) * 1000) : own;
  }

  /** The oldest that waits; one that another tab has sent or discarded meanwhile is dropped on the way. */
  #next() {
    const entry = this.entries.find(({ state, conversationId }) => state === 'waiting' && !this.#slow.has(conversationId));
    if (!entry || this.storage.getItem(this.prefix + entry.key) !== null) return entry;
    this.#forget(entry.key);
    return this.#next();
  }

  #find(key) {
    return this.entries.find((entry) => entry.key === key);
  }

  #forget(key) {
    this.entries = this.entries.filter((entry) => entry.key !== key);
    this.emit('change');
  }

  #mark(entry, state) {
    entry.state = state;
    this.emit('change');
  }

  #save(entry) {
    this.storage.setItem(this.prefix + entry.key, JSON.stringify(entry));
    this.emit('change');
  }

  #load() {
    const keys = Array.from({ length: this.storage.length }, (_, index) => this.storage.key(index));
    return keys
      .filter((key) => key.startsWith(this.prefix))
      .map((key) => JSON.parse(this.storage.getItem(key)))
      .sort((one, other) => (one.queuedAt < other.queuedAt ? -1 : 1));
  }

  /** Later than every entry held, even if two are written in one millisecond or the clock is set back. */
  #now() {
    const newest = this.entries.at(-1);
    return new Date(Math.max(Date.now(), newest ? Date.parse(newest.queuedAt) + 1 : 0)).toISOString();
  }
}

/** Whether the server will refuse this message at every repetition. */
function isFinal({ code }) {
  return code >= 400 && code < 500 && !RETRYABLE.has(code);
}
