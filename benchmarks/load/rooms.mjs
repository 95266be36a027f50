/**
 * The highest rate of deliveries that a server sustains.
 *
 * A closed loop tells about what it can do. Then messages fall due by the clock, at one rate after the other,
 * whatever became of those before; latencies count from when a message was due, so a stalled server hides nothing.
 */
import { Latencies, Meter, outcome } from './meter.mjs';
import { Socket } from './socket.mjs';
import { makeNumbered, numberIn } from './texts.mjs';
import { DRAIN_SECONDS, openAll, range, sleep, until } from './waiting.mjs';

const TRIAL_SECONDS = 1.5;
const TRIALS = 6;
const LATE_MS = 500;
const LATE_SHARE = 0.01;
const BACKLOG_SECONDS = 0.25;
/** Deliveries that the closed loop keeps in flight, give or take a message. */
const IN_FLIGHT = 4000;
/** The best rate is known well enough when the lowest one that failed is so near. */
const NEAR = 1.05;
const LOAD_BOUND = 0.95;

/** @param {{port: number, serverPid: number, cpus: number[], tellsStalls: boolean, warmup: number, rooms: number, receivers: number}} options receivers: of each room */
export async function sustained(options, dialect) {
  const crowd = new Crowd(options, dialect);
  await crowd.enter();
  await crowd.closedLoop(options.warmup);
  const capacity = await crowd.closedLoop(TRIAL_SECONDS);
  let best = null;
  let tooFast = Infinity;
  let rate = capacity * 0.95;
  for (let trial = 0; trial < TRIALS; trial++) {
    const seen = await crowd.openLoop(rate);
    if (process.env.BENCH_TRIALS) console.error(JSON.stringify({ rate, ...seen }));
    if (seen.sustained) best = seen;
    else tooFast = rate;
    if (best !== null && (tooFast / best.figure < NEAR || best.loadCpu > LOAD_BOUND)) break;
    if (best === null) rate *= 0.8;
    else if (tooFast < Infinity) rate = (best.figure + tooFast) / 2;
    else rate *= best.p99 < 50 ? 1.3 : best.p99 < 150 ? 1.15 : 1.06;
  }
  crowd.leave();
  if (best === null) throw new Error(`not even ${Math.round(rate / 0.8)} deliveries/s were sustained`);
  return best;
}

class Crowd {
  /** By number of message: when it was due, how many still wait for it. */
  due = [];
  missing = [];
  unfinished = 0;
  delivered = 0;
  refused = 0;
  late = 0;
  latencies = new Latencies();
  finished = () => {};

  constructor(options, dialect) {
    this.options = options;
    this.dialect = dialect;
  }

  /** One sender for each room, who is in none. */
  async enter() {
    const { port, rooms, receivers } = this.options;
    const onEvent = (bytes, start, end) => this.deliver(numberIn(bytes, start, end));
    this.receivers = await openAll(rooms * receivers, (i) => Socket.open(port, `&room=r${i % rooms}`, onEvent));
    this.senders = await openAll(rooms, () => Socket.open(port, ''));
  }

  leave() {
    for (const socket of [...this.receivers, ...this.senders]) socket.close();
  }

  send(due) {
    const number = this.due.length;
    const room = number % this.options.rooms;
    this.due.push(due);
    this.missing.push(this.options.receivers);
    this.unfinished++;
    this.senders[room].emit(this.dialect.event(makeNumbered(`r${room}`, number)), (bytes, start, end) => {
      if (this.dialect.isAnswer(bytes.latin1Slice(start, Math.min(end, start + 8)))) return;
      this.refused++;
      this.unfinished--;
    });
  }

  deliver(number) {
    const took = performance.now() - this.due[number];
    this.latencies.add(took);
    if (took > LATE_MS) this.late++;
    this.delivered++;
    if (--this.missing[number] === 0) {
      this.unfinished--;
      this.finished();
    }
  }

  /** Send a message whenever one has reached everybody. Returns deliveries a second. */
  async closedLoop(seconds) {
    const before = this.delivered;
    const start = performance.now();
    this.finished = () => this.send(performance.now());
    for (const _ of range(Math.max(4, Math.ceil(IN_FLIGHT / this.options.receivers)))) this.send(performance.now());
    await sleep(seconds);
    const rate = ((this.delivered - before) * 1000) / (performance.now() - start);
    this.finished = () => {};
    await this.drain();
    if (this.refused > 0) throw new Error(`${this.refused} messages were refused`);
    return rate;
  }

  /** Send at `rate` deliveries a second, until it is plain that the server does not follow. */
  async openLoop(rate) {
    const { receivers } = this.options;
    const every = (1000 * receivers) / rate;
    const total = Math.max(1, Math.round((TRIAL_SECONDS * 1000) / every));
    const before = this.delivered;
    this.latencies.count = this.late = this.refused = 0;
    const behind = (sent) => sent * receivers - (this.delivered - before);
    const hopeless = (sent) =>
      this.refused > 0 || this.late > LATE_SHARE * total * receivers || behind(sent) > Math.max(rate, 2 * receivers);
    const meter = await Meter.begin(this.options);
    const start = performance.now();
    let sent = 0;
    while (sent < total && !hopeless(sent)) {
      const now = performance.now();
      while (sent < total && start + sent * every <= now) this.send(start + sent++ * every);
      if (sent < total) await sleep(Math.max(0, start + sent * every - performance.now()) / 1000);
    }
    // The last message has only just been sent.
    const backlog = Math.max(0, behind(sent - 1));
    const inTime = await until(() => this.unfinished === 0 || hopeless(sent), DRAIN_SECONDS);
    const measured = await meter.stop();
    const seen = outcome(rate, this.delivered - before, this.latencies, measured);
    const sustained = sent === total && inTime && !hopeless(sent) && seen.p99 <= LATE_MS && backlog <= rate * BACKLOG_SECONDS;
    await this.drain();
    return { ...seen, sustained, backlog };
  }

  async drain() {
    if (!(await until(() => this.unfinished === 0, DRAIN_SECONDS)))
      throw new Error(`${this.unfinished} messages did not reach everybody`);
    if (this.missing.some((left) => left < 0)) throw new Error('a message reached somebody twice');
  }
}
