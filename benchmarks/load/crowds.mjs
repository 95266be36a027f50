/** Many who connect: what it costs to tell each other, and what each costs who only stays. */
import { Latencies, Meter, outcome, residentKib } from './meter.mjs';
import { Socket } from './socket.mjs';
import { openAll, sleep, until } from './waiting.mjs';

const AT_ONCE = 64;
const CONTACTS = 30;
const STORM_SECONDS = 60;
const WARM_UP = 100;
/** For the server to be done with those who left, or have come. */
const CALM_SECONDS = 2;
const IDLE_ROOM = 50;

/** All connect at once; each is announced to the contacts who are there. Milliseconds until the last one knew. */
export async function storm(options, dialect) {
  const { port, users } = options;
  let events = 0;
  let last = 0;
  const onEvent = (bytes, start) => {
    if (bytes.latin1Slice(start, start + dialect.presence.length) !== dialect.presence) return;
    events++;
    last = performance.now();
  };
  const arrive = (total, contacts) =>
    openAll(total, (i) => Socket.open(port, `&user=${i}&total=${total}&contacts=${contacts}`, onEvent), AT_ONCE);
  await clear(await arrive(WARM_UP, 2));

  events = 0;
  const expected = (users * CONTACTS) / 2;
  const meter = await Meter.begin(options);
  const start = performance.now();
  const sockets = await arrive(users, CONTACTS);
  const heard = await until(() => events >= expected, STORM_SECONDS);
  const measured = await meter.stop();
  const took = last - start;
  if (heard) await sleep(0.3);
  for (const socket of sockets) socket.close();
  if (events !== expected) throw new Error(`${events} events of ${expected}`);
  return outcome(took, expected, new Latencies(), measured);
}

/** KiB of each connection; the server's CPU time is that of connecting. */
export async function idle(options) {
  const { port, serverPid, connections } = options;
  const enter = (count, prefix) =>
    openAll(count, (i) => Socket.open(port, `&room=${prefix}${i % Math.ceil(count / IDLE_ROOM)}`), AT_ONCE);
  await clear(await enter(WARM_UP, 'w'));

  const before = residentKib(serverPid);
  const meter = await Meter.begin(options);
  const sockets = await enter(connections, 'c');
  const measured = await meter.stop();
  await sleep(CALM_SECONDS);
  const kib = (residentKib(serverPid) - before) / connections;
  const lost = sockets.filter((socket) => socket.tcp.destroyed).length;
  for (const socket of sockets) socket.close();
  if (lost > 0) throw new Error(`${lost} of ${connections} connections were lost`);
  return outcome(kib, connections, new Latencies(), measured);
}

async function clear(sockets) {
  for (const socket of sockets) socket.close();
  await sleep(CALM_SECONDS);
}
