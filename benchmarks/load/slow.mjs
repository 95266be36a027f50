/** A room of readers, a few of whom stop: what the others feel of it, and what the server keeps for those. */
import { HttpConnection, requestText } from './http.mjs';
import { Latencies, Meter, outcome, residentKib } from './meter.mjs';
import { Socket } from './socket.mjs';
import { numberIn } from './texts.mjs';
import { openAll, sleep, until } from './waiting.mjs';

const AT_ONCE = 32;
const CALM_SECONDS = 1;
const LOOK_SECONDS = 0.1;
const GONE_SECONDS = 30;
/** What waits in the process before a client counts as one that does not read. */
const PAUSED_BYTES = 65536;

/**
 * Messages of `bytes` fall due `rate` times a second, for `seconds`. Besides the usual, in milliseconds from when they
 * stopped, KiB and bytes: `noticed` is when the system took no more for one of them, `gone` when the last was cut off;
 * `memory` by how much the server grew at the most; `queued` what waited for one of them, at the most.
 */
export async function slow(options, dialect) {
  const { port, serverPid, readers, stopped, rate, bytes, seconds } = options;
  const due = [];
  const latencies = new Latencies();
  const filler = 'x'.repeat(bytes);
  const onEvent = (data, start, end) => latencies.add(performance.now() - due[numberIn(data, start, end)]);
  const reading = await openAll(readers, () => Socket.open(port, '&room=r0', onEvent), AT_ONCE);
  const others = await openAll(stopped, () => Socket.open(port, '&room=r0'), AT_ONCE);
  const sender = await Socket.open(port, '');
  const watch = await HttpConnection.open(port);
  const look = () => watch.json(requestText(port, ['GET', '/waiting']));
  await sleep(CALM_SECONDS);

  const seen = { noticed: null, gone: null, memory: 0, queued: 0 };
  const before = residentKib(serverPid);
  const meter = await Meter.begin(options);
  for (const socket of others) socket.tcp.pause();
  const start = performance.now();
  const total = Math.round(rate * seconds);
  let isWatching = true;
  const watching = (async () => {
    for (; isWatching; await sleep(LOOK_SECONDS)) {
      const { queued, cutOff } = await look();
      const now = performance.now();
      seen.memory = Math.max(seen.memory, residentKib(serverPid) - before);
      seen.queued = Math.max(seen.queued, queued);
      if (queued > PAUSED_BYTES) seen.noticed ??= now - start;
      if (stopped && cutOff >= stopped) seen.gone ??= now - start;
    }
  })();
  for (let number = 0; number < total; number++) {
    due.push(start + (number * 1000) / rate);
    const wait = due[number] - performance.now();
    if (wait > 0) await sleep(wait / 1000);
    const text = `@${number};${filler}`;
    sender.emit(dialect.event({ conversationId: 'r0', senderId: 'u1', text }), () => {});
  }
  const heard = await until(() => latencies.count === total * readers, GONE_SECONDS);
  if (stopped) await until(() => seen.gone !== null, GONE_SECONDS);
  const measured = await meter.stop();
  isWatching = false;
  await watching;
  for (const socket of [...reading, ...others, sender]) socket.close();
  if (!heard) throw new Error(`${latencies.count} deliveries of ${total * readers}`);
  return { ...outcome(rate * readers, total * readers, latencies, measured), ...seen };
}
