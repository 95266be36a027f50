/** A Socket.IO client over websocket, reduced to what the load needs: few allocations, no parsing unless asked for. */
import { randomBytes } from 'node:crypto';
import net from 'node:net';

const incoming = Buffer.allocUnsafeSlow(1 << 20);
const HEAD_END = Buffer.from('\r\n\r\n');
const [TEXT, CLOSE] = [1, 8];
const [ENGINE_OPEN, ENGINE_PING, ENGINE_MESSAGE] = Buffer.from('024');
const [CONNECT, EVENT, ACK, CONNECT_ERROR] = Buffer.from('0234');

/** A masked text frame. The key is zero, which leaves the text as it is. */
function frame(text) {
  const length = Buffer.byteLength(text);
  if (length > 65535) throw new RangeError('a frame of more than 65,535 bytes');
  const head = length < 126 ? 6 : 8;
  const bytes = Buffer.alloc(head + length);
  bytes[0] = 0x80 | TEXT;
  bytes[1] = 0x80 | (length < 126 ? length : 126);
  if (length >= 126) bytes.writeUInt16BE(length, 2);
  bytes.write(text, head);
  return bytes;
}

const PONG = frame('3');
const CONNECT_PACKET = frame('40');

export class Socket {
  upgraded = false;
  /** The beginning of a frame whose end has not come. */
  held = null;
  acks = new Map();
  nextAck = 0;

  /** @param {(bytes: Buffer, start: number, end: number) => void} onEvent the event's JSON array */
  static open(port, query, onEvent = () => {}) {
    const socket = new Socket();
    socket.onEvent = onEvent;
    return new Promise((resolve, reject) => {
      socket.connected = resolve;
      socket.failed = reject;
      const key = randomBytes(16).toString('base64');
      socket.tcp = net.connect({
        host: '127.0.0.1',
        port,
        noDelay: true,
        onread: { buffer: incoming, callback: (size) => socket.read(size) },
      });
      socket.tcp.on('error', reject).on('close', () => reject(new Error('the server closed the socket')));
      socket.tcp.write(
        `GET /socket.io/?EIO=4&transport=websocket${query} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n` +
          `Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: ${key}\r\nSec-WebSocket-Version: 13\r\n\r\n`,
      );
    });
  }

  /** @param {(bytes: Buffer, start: number, end: number) => void} answered the acknowledgement's JSON array */
  emit(json, answered) {
    const id = this.nextAck++;
    this.acks.set(id, answered);
    this.tcp.write(frame(`42${id}${json}`));
  }

  close() {
    this.tcp.destroy();
  }

  read(size) {
    let bytes = incoming.subarray(0, size);
    if (this.held !== null) bytes = Buffer.concat([this.held, bytes]);
    this.held = null;
    let at = 0;
    if (!this.upgraded) {
      const end = bytes.indexOf(HEAD_END);
      if (end < 0) return this.hold(bytes, 0);
      if (!bytes.latin1Slice(0, end).startsWith('HTTP/1.1 101')) {
        this.failed(new Error(`the upgrade was refused: ${bytes.latin1Slice(9, bytes.indexOf('\r'))}`));
        return false;
      }
      this.upgraded = true;
      at = end + HEAD_END.length;
    }
    while (bytes.length - at >= 2) {
      const short = bytes[at + 1] & 127;
      if (short === 127) throw new RangeError('a frame of more than 65,535 bytes');
      const head = short === 126 ? 4 : 2;
      if (bytes.length - at < head) break;
      const length = short === 126 ? bytes.readUInt16BE(at + 2) : short;
      if (bytes.length - at < head + length) break;
      this.take(bytes[at] & 15, bytes, at + head, at + head + length);
      at += head + length;
    }
    return at < bytes.length ? this.hold(bytes, at) : true;
  }

  hold(bytes, from) {
    this.held = Buffer.from(bytes.subarray(from));
    return true;
  }

  take(opcode, bytes, start, end) {
    if (opcode === CLOSE) this.tcp.end();
    if (opcode !== TEXT) return;
    const kind = bytes[start];
    if (kind === ENGINE_OPEN) this.tcp.write(CONNECT_PACKET);
    else if (kind === ENGINE_PING) this.tcp.write(PONG);
    else if (kind === ENGINE_MESSAGE) this.takePacket(bytes[start + 1], bytes, start + 2, end);
  }

  takePacket(type, bytes, start, end) {
    if (type === EVENT) this.onEvent(bytes, start, end);
    else if (type === CONNECT) this.connected(this);
    else if (type === CONNECT_ERROR) this.failed(new Error(`connect error: ${bytes.utf8Slice(start, end)}`));
    else if (type === ACK) {
      const json = bytes.indexOf('[', start);
      const id = Number(bytes.latin1Slice(start, json));
      const answered = this.acks.get(id);
      this.acks.delete(id);
      answered?.(bytes, json, end);
    }
  }
}
