import assert from 'node:assert/strict';
import { test } from 'node:test';

import { mentionsIn } from '../../src/portal/mentions.js';

const PEOPLE = [
  { _id: 'ana', name: 'Ana Ribeiro' },
  { _id: 'ben', name: 'Ben Okafor' },
  { _id: 'benita', name: 'Benita Cruz' },
  { _id: 'noor', name: 'Noor Haddad' },
  { _id: 'noor2', name: 'Noor Aziz' },
];

for (const [text, expected] of [
  ['Who knows?', []],
  ['@all and @Teachers: tomorrow', ['all', 'teacher']],
  ['@ana, @Ben Okafor! @benita.', ['ana', 'ben', 'benita']],
  ['@noor is not one person, @Noor Aziz is', ['noor2']],
  ['ana@ben.example, @allotment', []],
  ['@ana @ana', ['ana']],
]) {
  test(`"${text}" mentions ${expected.join(', ') || 'nobody'}`, () => {
    assert.deepEqual(mentionsIn(text, PEOPLE), expected);
  });
}
