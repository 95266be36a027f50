/** An HTTP/1.1 client with one request in flight, which costs the load's CPU as little as it can. */
import net from 'node:net';

// Node reads into it before every callback, so all connections can share it.
const incoming = Buffer.allocUnsafeSlow(1 << 20);
const HEAD_END = Buffer.from('\r\n\r\n');

/** @param {[string, string, string?]} request verb, path, JSON body */
export function requestText(port, [verb, path, body]) {
  const length = body === undefined ? '' : `Content-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n`;
  return `${verb} ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nAccept: application/json\r\n${length}\r\n${body ?? ''}`;
}

export class HttpConnection {
  /** @type {((status: number, body: string | null) => void) | null} */
  answered = null;
  wantsBody = false;
  /** What came of an answer whose head is not complete, or whose body is wanted. */
  held = null;
  status = 0;
  missing = 0;

  static async open(port) {
    const connection = new HttpConnection();
    await new Promise((resolve, reject) => {
      connection.tcp = net.connect({
        host: '127.0.0.1',
        port,
        noDelay: true,
        onread: { buffer: incoming, callback: (size) => connection.read(size) },
      });
      connection.tcp.on('connect', resolve).on('error', reject);
    });
    connection.tcp.on('close', () => connection.finish(0, 'the server closed the connection'));
    return connection;
  }

  /** @param {(status: number) => void} answered status 0 means that the connection is lost */
  send(text, answered) {
    this.answered = answered;
    this.tcp.write(text);
  }

  /** The decoded body of an answer. Rejects for a status other than 2xx. */
  json(text) {
    return new Promise((resolve, reject) => {
      this.wantsBody = true;
      this.send(text, (status, body) => {
        this.wantsBody = false;
        if (status >= 200 && status < 300) resolve(JSON.parse(body));
        else reject(new Error(`HTTP ${status}: ${body}`));
      });
    });
  }

  close() {
    this.answered = null;
    this.tcp.destroy();
  }

  finish(status, body) {
    const { answered } = this;
    this.answered = null;
    this.held = null;
    this.missing = 0;
    if (answered !== null) answered(status, body);
  }

  read(size) {
    if (this.missing > 0) {
      this.missing -= size;
      if (this.missing <= 0) this.finish(this.status, null);
      return true;
    }
    const fresh = incoming.subarray(0, size);
    const bytes = this.held === null ? fresh : Buffer.concat([this.held, fresh]);
    const headEnd = bytes.indexOf(HEAD_END);
    if (headEnd < 0) return this.hold(bytes);
    const head = bytes.latin1Slice(0, headEnd);
    const length = Number(/\r\ncontent-length: *(\d+)/i.exec(head)?.[1] ?? NaN);
    if (Number.isNaN(length)) {
      this.finish(0, 'an answer without Content-Length');
      return true;
    }
    const bodyStart = headEnd + HEAD_END.length;
    const missing = bodyStart + length - bytes.length;
    this.status = Number(head.slice(9, 12));
    if (missing > 0 && this.wantsBody) return this.hold(bytes);
    if (missing > 0) this.missing = missing;
    else this.finish(this.status, this.wantsBody ? bytes.utf8Slice(bodyStart) : null);
    return true;
  }

  hold(bytes) {
    this.held = Buffer.from(bytes);
    return true;
  }
}
