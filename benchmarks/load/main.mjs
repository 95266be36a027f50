/**
 * node main.mjs '{"workload": ..., "port": ..., "dialect": ..., ...}': put load on a running server, print one JSON line.
 *
 * The result's `figure` counts operations or deliveries a second, milliseconds or KiB; `serverCpu`, `loadCpu` and
 * `noise` are in cores.
 */
import { arriving, everybody, leaving } from './bursts.mjs';
import { idle, storm } from './crowds.mjs';
import { dialects } from './dialects.mjs';
import { HttpConnection, requestText } from './http.mjs';
import { Latencies, Meter, outcome } from './meter.mjs';
import { sustained } from './rooms.mjs';
import { slow } from './slow.mjs';
import { Socket } from './socket.mjs';
import { CONVERSATIONS, makeMessage } from './texts.mjs';
import { DRAIN_SECONDS, openAll, range, sleep, within } from './waiting.mjs';

/** @type {{workload: string, port: number, dialect: string, serverPid: number, cpus: number[], tellsStalls: boolean, seconds: number, warmup: number, rooms?: number, readers?: number, stopped?: number, rate?: number, bytes?: number, receivers?: number, users?: number, connections?: number}} */
const options = JSON.parse(process.argv[2]);
const { port } = options;
const dialect = dialects[options.dialect];

const HTTP_CONNECTIONS = 32;
const SOCKETS = 50;
const DOCUMENTS = 5000;
const PAGE = 50;

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
  room: () => sustained(options, dialect),
  storm: () => storm(options, dialect),
  idle: () => idle(options),
  everybody: () => everybody(options, dialect),
  arriving: () => arriving(options),
  leaving: () => leaving(options),
  slow: () => slow(options, dialect),
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
  const meter = await Meter.begin(options);
  measuring = true;
  await sleep(options.seconds);
  measuring = false;
  const measured = await meter.stop();
  running = false;
  await within(DRAIN_SECONDS, Promise.all(ended), 'an operation was never answered');
  for (const client of clients) client.close();
  if (refused > 0) throw new Error(`${refused} operations were refused`);
  return outcome(latencies.count / measured.wall, latencies.count, latencies, measured);
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

try {
  console.log(JSON.stringify(await workloads[options.workload]()));
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
}
process.exit();
