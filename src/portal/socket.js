import { Backoff } from './backoff.js';
import { Emitter } from './emitter.js';
import { Frame, Packet, decodePacket, encodePacket, splitFrame } from './packets.js';

const CONNECT_TIMEOUT = 10_000;
const OPEN = 1; // WebSocket.OPEN

/** The call may or may not have reached the server: it is safe to repeat only with an idempotency key. */
export class ConnectionLost extends Error {
  name = 'ConnectionLost';
}

/**
 * One Socket.IO connection to the namespace `/`, over the browser's WebSocket and nothing else.
 *
 * `events` has the server's events by their own names. `lifecycle` has
 * - `open` (first and every later time the namespace is joined),
 * - `lost` (milliseconds until the next attempt): the network failed, and a new attempt is already planned,
 * - `refused` ({message, data}) and `ended`: the server said no, or goodbye. No new attempt is made until `connect()`.
 */
export class Socket {
  events = new Emitter();
  lifecycle = new Emitter();

  #pending = new Map();
  #nextId = 0;
  #webSocket = null;
  #joined = false;
  #watchdog;
  #retry;

  /**
   * @param {object} options
   * @param {string} options.url ws: or wss: address, with `EIO=4&transport=websocket`
   * @param {() => object} options.auth payload of the connect packet, asked for at every attempt
   * @param {typeof WebSocket} [options.WebSocket]
   * @param {Backoff} [options.backoff]
   */
  constructor({ url, auth, WebSocket = globalThis.WebSocket, backoff = new Backoff() }) {
    this.url = url;
    this.auth = auth;
    this.WebSocket = WebSocket;
    this.backoff = backoff;
  }

  get connected() {
    return this.#joined;
  }

  /** Attempts now, whatever attempt was planned; does nothing while an attempt or a connection stands. */
  connect() {
    clearTimeout(this.#retry);
    if (this.#webSocket) return;
    const webSocket = new this.WebSocket(this.url);
    this.#webSocket = webSocket;
    webSocket.onmessage = ({ data }) => this.#receive(data);
    webSocket.onclose = () => this.#lose();
    this.#watch(CONNECT_TIMEOUT);
  }

  /** Leaves for good: no further attempt, nothing on `lifecycle`. */
  close() {
    if (this.#joined) this.#transmit({ type: Packet.DISCONNECT });
    this.#drop();
  }

  /** Gives up the present connection, as if the network had failed, and plans the next attempt. */
  interrupt() {
    if (this.#webSocket) this.#lose();
  }

  /**
   * @param {string} event
   * @param {unknown[]} args
   * @param {{timeout?: number}} [options] milliseconds to wait for the acknowledgement
   * @returns {Promise<unknown[]>} the arguments of the acknowledgement
   * @throws {ConnectionLost} without a connection, if it breaks, or if no acknowledgement comes in time
   */
  request(event, args, { timeout = 10_000 } = {}) {
    if (!this.#joined) return Promise.reject(new ConnectionLost('Not connected'));
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#pending.delete(id);
        reject(new ConnectionLost(`No answer to ${event}`));
      }, timeout);
      this.#pending.set(id, { resolve, reject, timer });
      this.#transmit({ type: Packet.EVENT, id, data: [event, ...args] });
    });
  }

  /** Without an acknowledgement, for what may be forgotten: dropped while there is no connection. */
  notify(event, ...args) {
    if (this.#joined) this.#transmit({ type: Packet.EVENT, data: [event, ...args] });
  }

  #transmit(packet) {
    this.#write(Frame.MESSAGE + encodePacket(packet));
  }

  /** While it is closing, a browser says so for every frame; whoever waits is told by the timeout. */
  #write(frame) {
    if (this.#webSocket.readyState === OPEN) this.#webSocket.send(frame);
  }

  #receive(text) {
    const { kind, body } = splitFrame(text);
    if (kind === Frame.OPEN) this.#join(JSON.parse(body));
    else if (kind === Frame.PING) this.#answerPing();
    else if (kind === Frame.MESSAGE) this.#handle(decodePacket(body));
    else if (kind === Frame.CLOSE) this.#lose();
  }

  #join({ pingInterval, pingTimeout }) {
    this.patience = pingInterval + pingTimeout;
    this.#transmit({ type: Packet.CONNECT, data: this.auth() });
    this.#watch(CONNECT_TIMEOUT);
  }

  #answerPing() {
    this.#write(Frame.PONG);
    if (this.#joined) this.#watch(this.patience);
  }

  #handle({ type, id, data }) {
    if (type === Packet.EVENT) this.events.emit(...data);
    else if (type === Packet.ACK) this.#settle(id, data);
    else if (type === Packet.CONNECT) this.#open();
    else if (type === Packet.CONNECT_ERROR) this.#end('refused', data);
    else if (type === Packet.DISCONNECT) this.#end('ended');
  }

  #open() {
    this.#joined = true;
    this.backoff.reset();
    this.#watch(this.patience);
    this.lifecycle.emit('open');
  }

  #settle(id, args) {
    const call = this.#pending.get(id);
    if (!call) return;
    this.#pending.delete(id);
    clearTimeout(call.timer);
    call.resolve(args);
  }

  /** Plans the next attempt, after a pause that grows with every attempt in vain. */
  connectLater() {
    clearTimeout(this.#retry);
    const delay = this.backoff.next();
    this.#retry = setTimeout(() => this.connect(), delay);
    this.lifecycle.emit('lost', delay);
  }

  #lose() {
    this.#drop();
    this.connectLater();
  }

  #end(reason, data) {
    this.#drop();
    this.lifecycle.emit(reason, data);
  }

  #drop() {
    clearTimeout(this.#retry);
    clearTimeout(this.#watchdog);
    const webSocket = this.#webSocket;
    this.#webSocket = null;
    this.#joined = false;
    if (webSocket) {
      webSocket.onmessage = webSocket.onclose = null;
      webSocket.close();
    }
    for (const { reject, timer } of this.#pending.values()) {
      clearTimeout(timer);
      reject(new ConnectionLost('The connection was lost'));
    }
    this.#pending.clear();
  }

  /** A browser may hold a dead WebSocket open for minutes; the server's missing ping tells sooner. */
  #watch(patience) {
    clearTimeout(this.#watchdog);
    this.#watchdog = setTimeout(() => this.#lose(), patience);
  }
}
