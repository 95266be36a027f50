const GROUPS = { all: 'all', everyone: 'all', students: 'student', teachers: 'teacher', admins: 'admin' };
const MOST = 50;

/**
 * Whom a text mentions: `@all`, `@teachers`, `@students`, `@admins`, and people by their names.
 * @param {string} text
 * @param {{_id: string, name: string}[]} people who may be mentioned by name
 * @returns {string[]} as the server takes them
 */
export function mentionsIn(text, people) {
  const found = new Set();
  const byLength = [...people].sort((one, other) => other.name.length - one.name.length);
  for (const { index } of text.matchAll(/(?<![\p{L}\p{N}])@(?=[\p{L}\p{N}])/gu)) {
    const rest = text.slice(index + 1);
    const named = byLength.find(({ name }) => beginsWith(rest, name)) ?? onlyOne(people, rest);
    const group = GROUPS[/^\p{L}+/u.exec(rest)?.[0].toLocaleLowerCase()];
    if (named) found.add(named._id);
    else if (group) found.add(group);
  }
  return [...found].slice(0, MOST);
}

/** A first name, where only one of them has it. */
function onlyOne(people, rest) {
  const named = people.filter(({ name }) => beginsWith(rest, name.split(' ')[0]));
  return named.length === 1 ? named[0] : undefined;
}

function beginsWith(text, name) {
  const isThere = text.slice(0, name.length).toLocaleLowerCase() === name.toLocaleLowerCase();
  return name !== '' && isThere && !/^[\p{L}\p{N}]/u.test(text.slice(name.length));
}
