/** What a call of own code costs in Feathers: microseconds of a get from memory by number of hooks, as JSON. */
import { feathers } from '@feathersjs/feathers';
import { memory } from '@feathersjs/memory';

const CALLS = 20_000;
const rounds = Number(process.argv[2] ?? 8);
const nothing = async () => {};

async function service(hooks) {
  const app = feathers();
  app.use('messages', memory({ id: '_id', startId: 1 }));
  await app.service('messages').create({ conversationId: 'c1', senderId: 'u1', text: 'hello' });
  const half = Array(hooks / 2).fill(nothing);
  return app.service('messages').hooks({ before: { get: half }, after: { get: half } });
}

async function microseconds(target) {
  const started = process.hrtime.bigint();
  for (let call = 0; call < CALLS; call += 1) await target.get(1, {});
  return Number(process.hrtime.bigint() - started) / 1000 / CALLS;
}

const best = {};
const variants = { 0: await service(0), 4: await service(4), 10: await service(10) };
for (let round = 0; round < rounds; round += 1) {
  for (const [hooks, target] of Object.entries(variants)) {
    best[hooks] = Math.min(best[hooks] ?? Infinity, await microseconds(target));
  }
}
console.log(JSON.stringify(best));
