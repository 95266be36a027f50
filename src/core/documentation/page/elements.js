/** An element with attributes by their HTML names; texts among the children stay texts, whatever they contain. */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== false && value != null) element.setAttribute(name, value === true ? '' : String(value));
  }
  element.append(...children.flat(Infinity).filter((child) => child != null && child !== false && child !== ''));
  return element;
}

/** Text with `code` and **strong** parts, and empty lines between paragraphs. */
export function prose(text) {
  return text.trim().split(/\n\s*\n/).map((paragraph) => h('p', {}, inline(paragraph)));
}

function inline(text) {
  return text.split(/(`+[^`]+`+)/).map((part) => (part.startsWith('`') ? h('code', {}, part.replaceAll('`', '')) : part));
}

export function table(caption, heads, rows) {
  if (!rows.length) return null;
  return h('div', { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': caption },
    h('table', {},
      h('caption', {}, caption),
      h('thead', {}, h('tr', {}, heads.map((head) => h('th', { scope: 'col' }, head)))),
      h('tbody', {}, rows.map(([name, ...cells]) => h('tr', {},
        h('th', { scope: 'row' }, name),
        cells.map((cell) => h('td', {}, cell)))))));
}
