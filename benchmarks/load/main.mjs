/**
 * node main.mjs '{"workload": ..., "port": ..., "dialect": ..., ...}': put load on a running server, print one JSON line.
 *
 * The result's `rate` counts operations or deliveries a second; `serverCpu`, `loadCpu` and `noise` are in cores.
 */
import { dialects } from './dialects.mjs';
import { HttpConnection, requestText } from './http.mjs';
import { Latencies, Meter } from './meter.mjs';
import { Socket } from './socket.mjs';

/** @type {{workload: string, port: number, dialect: string, serverPid: number, cpus: number[], seconds: number, warmup: number, receivers?: number}} */
const options = JSON.parse(process.argv[2]);
const { port } = options;
const dialect = dialects[options.dialect];

const HTTP_CONNECTIONS = 32;
const SOCKETS = 50;
const DOCUMENTS = 5000;
const CONVERSATIONS = 50;
const PAGE = 50;
const TEXT_LENGTH = 120;
/** Deliveries that the room workload keeps in flight, give or take a message. */
const IN_FLIGHT = 4000;
const DRAIN_SECONDS = 15;

const workloads = {
  async rest_get() {
    const ids = await seed();
    // A stride that is prime to the number of documents visits all of them.
    return requestLoop(ids.map((_, i) => dialect.get(ids[(i * 7919) % ids.length])));
  },
  async rest_find50() {
    await seed();
    return requestLoop(range(CONVERSATIONS).map((i) => dialect.find(`c${i}`, PAGE)));
  },
  rest_create: () => requestLoop(range(500).map((i) => dialect.create(makeMessage(i)))),
  sock_create: emitLoop,
  room: deliveryLoop,
};

async function requestLoop(requests) {
  const texts = requests.map((request) => requestText(port, request));
  const connections = await openAll(HTTP_CONNECTIONS, () => HttpConnection.open(port));
  return closedLoop(connections, (connection, turn, done) =>
    connection.send(texts[turn % texts.length], (status) => done(status >= 200 && status < 300)),
  );
}

async function emitLoop() {
  const events = range(500).map((i) => dialect.event(makeMessage(i)));
  const sockets = await openAll(SOCKETS, () => Socket.open(port, ''));
  return closedLoop(sockets, (socket, turn, done) =>
    socket.emit(events[turn % events.length], (bytes, start, end) =>
      done(dialect.isAnswer(bytes.latin1Slice(start, Math.min(end, start + 8)))),
    ),
  );
}

/** Each client has one operation in flight. */
async function closedLoop(clients, operate) {
  const latencies = new Latencies();
  let turn = 0;
  let refused = 0;
  let measuring = false;
  let running = true;
  const ended = clients.map(
    (client) =>
      new Promise((resolve) => {
        const next = () => {
          if (!running) return resolve();
          const sent = performance.now();
          operate(client, turn++, (accepted) => {
            if (!accepted) refused++;
            else if (measuring) latencies.add(performance.now() - sent);
            // A lost connection answers at once, for ever.
            if (refused > 100) resolve();
            else next();
          });
        };
        next();
      }),
  );
  await sleep(options.warmup);
  const meter = new Meter(options.serverPid, options.cpus);
  measuring = true;
  await sleep(options.seconds);
  measuring = false;
  const measured = meter.stop();
  running = false;
  await within(DRAIN_SECONDS, Promise.all(ended), 'an operation was never answered');
  for (const client of clients) client.close();
  if (refused > 0) throw new Error(`${refused} operations were refused`);
  return outcome(latencies.count, latencies, measured);
}

/** One sender; each message goes to all receivers of its room. A new one is sent when one has reached them all. */
async function deliveryLoop() {
  const { receivers } = options;
  const missing = new Map();
  const sentAt = new Map();
  const latencies = new Latencies();
  const text = filler(TEXT_LENGTH);
  let delivered = 0;
  let sent = 0;
  let refused = 0;
  let running = true;

  const onEvent = (bytes, start, end) => {
    const number = serialIn(bytes, start, end);
    delivered++;
    const left = missing.get(number) - 1;
    missing.set(number, left);
    if (left > 0) return;
    latencies.add(performance.now() - sentAt.get(number));
    missing.delete(number);
    sentAt.delete(number);
    if (running) send();
  };
  const room = await openAll(receivers, () => Socket.open(port, '&room=hall', onEvent));
  const sender = await Socket.open(port, '');

  const send = () => {
    const number = sent++;
    missing.set(number, receivers);
    sentAt.set(number, performance.now());
    const message = { conversationId: 'hall', senderId: 'u1', text: `@${number};${text}`.slice(0, TEXT_LENGTH) };
    sender.emit(dialect.event(message), (bytes, start, end) => {
      if (!dialect.isAnswer(bytes.latin1Slice(start, Math.min(end, start + 8)))) refused++;
    });
  };

  for (let i = 0; i < Math.max(4, Math.ceil(IN_FLIGHT / receivers)); i++) send();
  await sleep(options.warmup);
  const meter = new Meter(options.serverPid, options.cpus);
  const before = delivered;
  latencies.count = 0;
  await sleep(options.seconds);
  const measured = meter.stop();
  const count = delivered - before;
  running = false;
  for (const deadline = performance.now() + DRAIN_SECONDS * 1000; missing.size > 0; await sleep(0.01))
    if (performance.now() > deadline) throw new Error(`${missing.size} messages did not reach everybody`);
  for (const socket of [...room, sender]) socket.close();
  if (refused > 0) throw new Error(`${refused} messages were refused`);
  return outcome(count, latencies, measured);
}

/** The number in the text `@<number>;` of an event. */
function serialIn(bytes, start, end) {
  let number = 0;
  for (let at = bytes.indexOf(64, start) + 1; at < end && bytes[at] !== 59; at++) number = number * 10 + bytes[at] - 48;
  return number;
}

/** Create the documents that are read later; returns their ids. */
async function seed() {
  const connections = await openAll(16, () => HttpConnection.open(port));
  const ids = [];
  let next = 0;
  await Promise.all(
    connections.map(async (connection) => {
      while (next < DOCUMENTS) {
        const created = await connection.json(requestText(port, dialect.create(makeMessage(next++))));
        ids.push(dialect.idOf(created));
      }
    }),
  );
  const page = await connections[0].json(requestText(port, dialect.find('c1', PAGE)));
  if (page.data.length !== PAGE || page.total !== DOCUMENTS / CONVERSATIONS)
    throw new Error(`a page has ${page.data.length} of ${page.total} messages`);
  for (const connection of connections) connection.close();
  return ids;
}

function outcome(count, latencies, { wall, server, load, noise }) {
  return {
    rate: count / wall,
    p50: latencies.quantile(0.5),
    p99: latencies.quantile(0.99),
    serverMicroseconds: server === null ? null : (server * wall * 1e6) / count,
    serverCpu: server,
    loadCpu: load,
    noise,
  };
}

async function openAll(count, open) {
  const opened = [];
  while (opened.length < count) {
    const some = Promise.all(range(Math.min(32, count - opened.length)).map(open));
    opened.push(...(await within(DRAIN_SECONDS, some, 'a connection was never accepted')));
  }
  return opened;
}

function within(seconds, promise, complaint) {
  return Promise.race([
    promise,
    sleep(seconds).then(() => {
      throw new Error(complaint);
    }),
  ]);
}

const makeMessage = (i) => ({
  conversationId: `c${i % CONVERSATIONS}`,
  senderId: `u${i % 200}`,
  text: filler(TEXT_LENGTH),
});
const filler = (length) => 'the quick brown fox jumps over the lazy dog, '.repeat(Math.ceil(length / 45)).slice(0, length);
const range = (length) => Array.from({ length }, (_, i) => i);
const sleep = (seconds) => new Promise((resolve) => setTimeout(resolve, seconds * 1000));

try {
  console.log(JSON.stringify(await workloads[options.workload]()));
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
}
process.exit();
