/** Thousands to whom, or by whom, the same is done at once: how long it takes, and how long others wait meanwhile. */
import { Latencies, Meter, outcome } from './meter.mjs';
import { Socket } from './socket.mjs';
import { makeNumbered, numberIn } from './texts.mjs';
import { openAll, range, sleep, until } from './waiting.mjs';

const AT_ONCE = 64;
const MESSAGES = 20;
const DELIVERY_SECONDS = 20;
/** For the server to be done with those who have come, or have left. */
const CALM_SECONDS = 2;

/** One message after the other to a room of thousands. Milliseconds until the last has it. */
export async function everybody(options, dialect) {
  const { port, connections } = options;
  const latencies = new Latencies();
  let missing = 0;
  let sent = 0;
  const onEvent = (bytes, start, end) => {
    if (numberIn(bytes, start, end) !== sent - 1) throw new Error('a message came late, or twice');
    latencies.add(performance.now() - begun);
    missing--;
  };
  let begun = 0;
  const sockets = await openAll(connections, () => Socket.open(port, '&room=all', onEvent), AT_ONCE);
  const sender = await Socket.open(port, '');
  await sleep(CALM_SECONDS);
  const meter = await Meter.begin(options);
  let took = 0;
  for (const number of range(MESSAGES)) {
    missing = connections;
    sent++;
    begun = performance.now();
    sender.emit(dialect.event(makeNumbered('all', number)), () => {});
    if (!(await until(() => missing === 0, DELIVERY_SECONDS))) throw new Error(`${missing} did not get a message`);
    took += performance.now() - begun;
  }
  const measured = await meter.stop();
  for (const socket of [...sockets, sender]) socket.close();
  return outcome(took / MESSAGES, MESSAGES * connections, latencies, measured);
}

/** All arrive without waiting for each other. Milliseconds until the last is connected. */
export async function arriving(options) {
  const { port, connections } = options;
  await leave(await openAll(AT_ONCE, () => Socket.open(port, '&room=early')));
  const meter = await Meter.begin(options);
  const latencies = new Latencies();
  const start = performance.now();
  const enter = async (i) => {
    const socket = await Socket.open(port, `&room=r${i % 50}`);
    latencies.add(performance.now() - start);
    return socket;
  };
  const sockets = await openAll(connections, enter, connections);
  const took = performance.now() - start;
  const measured = await meter.stop();
  await leave(sockets);
  return outcome(took, connections, latencies, measured);
}

/** All are gone at once. Microseconds of the server's CPU for each. */
export async function leaving(options) {
  const { port, connections } = options;
  const sockets = await openAll(connections, (i) => Socket.open(port, `&room=r${i % 50}`), AT_ONCE);
  await sleep(CALM_SECONDS);
  const meter = await Meter.begin(options);
  await leave(sockets);
  const measured = await meter.stop();
  const cpu = measured.server === null ? NaN : (measured.server * measured.wall * 1e6) / connections;
  return outcome(cpu, connections, new Latencies(), measured);
}

async function leave(sockets) {
  for (const socket of sockets) socket.close();
  await sleep(CALM_SECONDS);
}
