/**
 * The text packets of Engine.IO 4 and, inside its `message` packets, of Socket.IO 5.
 * Binary events are not spoken here: this client sends none and refuses to read one.
 */

/** First character of every WebSocket frame. */
export const Frame = Object.freeze({ OPEN: '0', CLOSE: '1', PING: '2', PONG: '3', MESSAGE: '4', NOOP: '6' });

/** First character after a `MESSAGE` frame's own. */
export const Packet = Object.freeze({ CONNECT: 0, DISCONNECT: 1, EVENT: 2, ACK: 3, CONNECT_ERROR: 4 });

const PACKET = /^([0-4])(?:(\/[^,]*),)?(\d+)?/;

/**
 * @typedef {object} SocketPacket
 * @property {number} type one of `Packet`
 * @property {string} [namespace] `/` unless told
 * @property {number} [id] asks for an acknowledgement, or answers one
 * @property {unknown} [data] a list for events and acks, an object for connects
 */

/** @param {SocketPacket} packet */
export function encodePacket({ type, namespace = '/', id, data }) {
  const room = namespace === '/' ? '' : `${namespace},`;
  return `${type}${room}${id ?? ''}${data === undefined ? '' : JSON.stringify(data)}`;
}

/**
 * @param {string} text
 * @returns {SocketPacket}
 * @throws {SyntaxError} if this is not a text packet of Socket.IO 5
 */
export function decodePacket(text) {
  const head = PACKET.exec(text);
  if (!head) throw new SyntaxError(`Not a Socket.IO packet: ${text.slice(0, 40)}`);
  const body = text.slice(head[0].length);
  const packet = { type: Number(head[1]), namespace: head[2] ?? '/' };
  if (head[3] !== undefined) packet.id = Number(head[3]);
  if (body !== '') packet.data = JSON.parse(body);
  if (isList(packet.type) && !Array.isArray(packet.data)) throw new SyntaxError('An event or ack must carry a list');
  return packet;
}

/** @param {string} frame */
export function splitFrame(frame) {
  return { kind: frame.charAt(0), body: frame.slice(1) };
}

function isList(type) {
  return type === Packet.EVENT || type === Packet.ACK;
}
