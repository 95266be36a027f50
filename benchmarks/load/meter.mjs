/** How busy the server, this process and everything else on their CPUs were. Needs /proc; without it all is null. */
import fs from 'node:fs';

import { HttpConnection, requestText } from './http.mjs';

const TICKS_PER_SECOND = 100;

export class Meter {
  /** @param {{port: number, serverPid: number, cpus: number[], tellsStalls: boolean}} options cpus: of the server and this process */
  static async begin(options) {
    const meter = new Meter(options);
    await longestStall(options);
    meter.start = meter.read();
    return meter;
  }

  constructor(options) {
    this.options = options;
    this.cpus = new Set(options.cpus);
  }

  /** Wall-clock seconds since the start, the cores used in that time and the server's longest stall. */
  async stop() {
    const end = this.read();
    const wall = end.at - this.start.at;
    const cores = (name) => (end[name] === null || this.start[name] === null ? null : (end[name] - this.start[name]) / wall);
    const server = cores('server');
    const load = cores('load');
    const busy = cores('busy');
    const noise = busy === null || server === null || load === null ? null : Math.max(0, busy - server - load);
    return { wall, server, load, noise, stall: await longestStall(this.options) };
  }

  read() {
    return {
      at: performance.now() / 1000,
      server: secondsOf(this.options.serverPid),
      load: secondsOf(process.pid),
      busy: this.cpus.size ? busySeconds(this.cpus) : null,
    };
  }
}

/** What a run tells. `count`: the operations that the server's CPU time was for. */
export function outcome(figure, count, latencies, { wall, server, load, noise, stall }) {
  return {
    figure,
    p50: latencies.quantile(0.5),
    p99: latencies.quantile(0.99),
    serverMicroseconds: server === null ? null : (server * wall * 1e6) / count,
    serverCpu: server,
    loadCpu: load,
    noise,
    stall,
  };
}

/** Since it was last asked for, `{wall, cpu}` in milliseconds; null of a server that does not tell. */
async function longestStall({ port, tellsStalls }) {
  if (!tellsStalls) return null;
  const connection = await HttpConnection.open(port);
  try {
    return await connection.json(requestText(port, ['GET', '/stalls']));
  } finally {
    connection.close();
  }
}

/** The memory of a process that is in RAM, in KiB. Throws without /proc. */
export function residentKib(pid) {
  return Number(/^VmRSS:\s*(\d+) kB/m.exec(fs.readFileSync(`/proc/${pid}/status`, 'utf8'))[1]);
}

/** Seconds on a CPU, of all threads of a process. */
function secondsOf(pid) {
  try {
    const threads = fs.readdirSync(`/proc/${pid}/task`);
    const nanoseconds = threads.map((id) => Number(fs.readFileSync(`/proc/${pid}/task/${id}/schedstat`, 'utf8').split(' ')[0]));
    return nanoseconds.reduce((sum, each) => sum + each, 0) / 1e9;
  } catch {
    return null;
  }
}

/** Seconds that the CPUs have been busy for anybody, time stolen by the host among it. */
function busySeconds(cpus) {
  let ticks = 0;
  try {
    for (const line of fs.readFileSync('/proc/stat', 'utf8').split('\n')) {
      const cpu = /^cpu(\d+) (.*)/.exec(line);
      if (cpu === null || !cpus.has(Number(cpu[1]))) continue;
      const [user, nice, system, , , irq, softirq, steal] = cpu[2].split(' ').map(Number);
      ticks += user + nice + system + irq + softirq + steal;
    }
  } catch {
    return null;
  }
  return ticks / TICKS_PER_SECOND;
}

/** Latencies in milliseconds. */
export class Latencies {
  buffer = new Float32Array(1 << 16);
  count = 0;

  add(milliseconds) {
    if (this.count === this.buffer.length) {
      const larger = new Float32Array(this.count * 2);
      larger.set(this.buffer);
      this.buffer = larger;
    }
    this.buffer[this.count++] = milliseconds;
  }

  quantile(q) {
    if (this.count === 0) return null;
    const sorted = this.buffer.slice(0, this.count).sort();
    return sorted[Math.min(this.count - 1, Math.floor(q * this.count))];
  }
}
