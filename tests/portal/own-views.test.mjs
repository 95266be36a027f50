import assert from 'node:assert/strict';
import { test } from 'node:test';

import { OwnViews } from '../../src/portal/own-views.js';

/** A server that answers with the ids it was asked for, or fails as told. */
function started(...failures) {
  const asked = [];
  const kept = [];
  const api = {
    find: async (path, { _id }) => {
      asked.push([path, _id.$in]);
      const failure = failures.shift();
      if (failure) throw failure;
      return { data: _id.$in };
    },
  };
  return { asked, kept, views: new OwnViews(api, (ids) => void kept.push(...ids)) };
}

test('what is needed at one time is asked for by one call', async () => {
  const { asked, kept, views } = started();
  views.later(['a']);
  await Promise.all([views.need(['b']), views.need(['c', 'a'])]);
  assert.deepEqual(asked, [['conversations', ['a', 'b', 'c']]]);
  assert.deepEqual(kept, ['a', 'b', 'c']);
});

test('what is needed soon is asked for when nothing else is', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const { asked, views } = started();
  views.later(['a']);
  views.later(['b']);
  assert.deepEqual(asked, []);
  t.mock.timers.tick(500);
  await views.need([]);
  assert.deepEqual(asked, [['conversations', ['a', 'b']]]);
});

test('after a lost connection it is needed still, after a refusal no more', async () => {
  const { asked, views } = started(new Error('lost'), undefined, Object.assign(new Error('no'), { code: 400 }));
  await assert.rejects(views.need(['a']));
  await views.need([]);
  await assert.rejects(views.need(['b']));
  await views.need([]);
  assert.deepEqual(asked.map(([, ids]) => ids), [['a'], ['a'], ['b']]);
});
