/** The browser's storage, without a browser. */
export class MemoryStorage {
  #items = new Map();

  get length() {
    return this.#items.size;
  }

  key(index) {
    return [...this.#items.keys()][index] ?? null;
  }

  getItem(key) {
    return this.#items.get(key) ?? null;
  }

  setItem(key, value) {
    this.#items.set(key, String(value));
  }

  removeItem(key) {
    this.#items.delete(key);
  }
}

/** A WebSocket whose other end is the test: `sent` has what the client wrote, `say` is what the server writes. */
export class PlayedWebSocket {
  static all = [];

  static get last() {
    return PlayedWebSocket.all.at(-1);
  }

  sent = [];
  isClosed = false;
  readyState = 1;

  constructor(url) {
    this.url = url;
    PlayedWebSocket.all.push(this);
  }

  send(text) {
    this.sent.push(text);
  }

  say(text) {
    this.onmessage({ data: text });
  }

  close() {
    this.isClosed = true;
  }

  fail() {
    this.onclose();
  }

  /** The server's half of the handshake. */
  welcome() {
    this.say('0{"sid":"a","upgrades":[],"pingInterval":25000,"pingTimeout":20000}');
    this.say('40{"sid":"b"}');
  }
}

/** Lets everything run that waits for nothing but a settled promise. */
export function settled() {
  return new Promise((resolve) => setImmediate(resolve));
}
