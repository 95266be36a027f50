import { h, prose, table } from './elements.js';

const BOUNDS = [
  ['minLength', (n) => `${n} or more characters`],
  ['maxLength', (n) => `at most ${n} characters`],
  ['minimum', (n) => `from ${n}`],
  ['maximum', (n) => `to ${n}`],
  ['minItems', (n) => `${n} or more`],
  ['maxItems', (n) => `at most ${n}`],
  ['default', (value) => `default ${JSON.stringify(value)}`],
];

/** The name of the schema that a reference leads to, null for what is deeper than a name. */
export function nameOf(reference) {
  return /^#\/components\/schemas\/([^/]+)$/.exec(reference)?.[1] ?? null;
}

/** What a schema is, in a line: `User`, `list of text`, `"a" or "b"`. */
export function typeOf(schema, find) {
  if (schema === undefined || schema === true || !Object.keys(schema).length) return ['anything'];
  if (schema.$ref) {
    const name = nameOf(schema.$ref);
    return name ? [h('a', { href: `#schema-${name}` }, name)] : typeOf(find(schema.$ref), find);
  }
  if (schema.allOf) return joined(schema.allOf.filter((part) => part.$ref || !part.properties), find, ' and ')
    .concat(schema.allOf.flatMap((part) => (part.properties?.data ? [' of ', ...typeOf(part.properties.data.items ?? {}, find)] : [])));
  if (schema.anyOf && !schema.properties) return joined(schema.anyOf, find, ' or ');
  if ('const' in schema) return [h('code', {}, JSON.stringify(schema.const))];
  if (schema.enum) return schema.enum.flatMap((value, at) => [at ? ' or ' : '', h('code', {}, JSON.stringify(value))]);
  if (Array.isArray(schema.type)) {
    return schema.type.flatMap((type, at) => [at ? ' or ' : '', ...typeOf({ ...schema, type }, find)]);
  }
  if (schema.type === 'array') return ['list of ', ...(Array.isArray(schema.items) ? ['values'] : typeOf(schema.items, find))];
  if (schema.type === 'object' && schema.properties?.$ne) return ['operators'];
  if (schema.type === 'null') return [h('code', {}, 'null')];
  if (schema.pattern?.includes('{24}')) return ['id'];
  return [{ 'date-time': 'time', email: 'e-mail', url: 'URL' }[schema.format] ?? { string: 'text', integer: 'whole number' }[schema.type] ?? schema.type ?? 'object'];
}

function joined(schemas, find, separator) {
  return schemas.flatMap((schema, at) => [at ? separator : '', ...typeOf(schema, find)]);
}

export function boundsOf(schema) {
  return BOUNDS.filter(([key]) => schema[key] !== undefined).map(([key, text]) => text(schema[key])).join(', ');
}

/** The fields of an object, or its type where it is something else. */
export function fields(schema, caption, find) {
  if (!schema.properties) {
    if (!schema.anyOf) return h('p', {}, typeOf(schema, find));
    return h('div', {}, schema.anyOf.map((way, at) => (way.$ref ? h('p', {}, typeOf(way, find)) : fields(way, `${caption}, way ${at + 1}`, find))));
  }
  const rows = Object.entries(schema.properties).map(([name, part]) => {
    const found = part.$ref && !nameOf(part.$ref) ? find(part.$ref) : part;
    return [
      [h('code', {}, name), schema.required?.includes(name) && h('span', { class: 'required' }, 'required')],
      typeOf(found, find),
      [found.description, boundsOf(found)].filter(Boolean).join('. '),
    ];
  });
  return rows.length ? table(caption, ['Field', 'Type', ''], rows) : h('p', {}, 'An empty object.');
}

export function schemaSection(name, schema, find) {
  return h('section', { class: 'schema', id: `schema-${name}`, 'data-words': name },
    h('h3', {}, name),
    schema.description && prose(schema.description),
    fields(schema, `Fields of ${name}`, find));
}
