const SVG = 'http://www.w3.org/2000/svg';

/**
 * An element. Attributes by their HTML names (`true` sets an empty one, `false` and null none), listeners under `on`.
 * Children are nodes or texts; texts stay texts, whatever they contain.
 */
export function h(tag, { on = {}, ...attributes } = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== false && value != null) element.setAttribute(name, value === true ? '' : String(value));
  }
  for (const [event, listener] of Object.entries(on)) element.addEventListener(event, listener);
  element.append(...children.flat().filter((child) => child != null && child !== false));
  return element;
}

/** One of the symbols in `index.html`, which are at hand without a network; without a label it is decoration and hidden from screen readers. */
export function icon(name, { label, className = 'icon' } = {}) {
  const svg = document.createElementNS(SVG, 'svg');
  const use = document.createElementNS(SVG, 'use');
  use.setAttribute('href', `#icon-${name}`);
  svg.setAttribute('class', className);
  if (label) {
    svg.setAttribute('role', 'img');
    svg.setAttribute('aria-label', label);
  } else {
    svg.setAttribute('aria-hidden', 'true');
  }
  svg.append(use);
  return svg;
}

export function iconButton(name, label, { class: className = '', ...attributes } = {}) {
  const wanted = { type: 'button', class: `icon-button ${className}`, 'aria-label': label, title: label };
  return h('button', { ...wanted, ...attributes }, icon(name));
}

export function hiddenText(text) {
  return h('span', { class: 'visually-hidden' }, text);
}

/** Runs `render` once after all that happens in this turn, also in a tab that nobody looks at. */
export function batched(render) {
  let isPlanned = false;
  return () => {
    if (isPlanned) return;
    isPlanned = true;
    queueMicrotask(() => {
      isPlanned = false;
      render();
    });
  };
}

/**
 * Keeps the children of `parent` in step with a list, and touches only what changed. The focus survives a child that is
 * moved or made anew.
 * @returns {(items: {key: string, version: string, render: () => HTMLElement}[]) => void}
 */
export function keyedList(parent) {
  /** @type {Map<string, {version: string, element: HTMLElement}>} */
  let held = new Map();
  return (items) => {
    const focused = [...held].find(([, { element }]) => element.contains(document.activeElement))?.[0];
    const next = new Map(items.map(({ key, version, render }) => {
      const old = held.get(key);
      return [key, old?.version === version ? old : { version, element: render() }];
    }));
    place(parent, [...next.values()].map(({ element }) => element));
    held = next;
    const target = held.get(focused)?.element;
    if (target && !target.contains(document.activeElement)) focusWithin(target);
  };
}

/** Moves the focus up or down a list by the arrow keys, Home and End. */
export function moveByArrows(event, targets) {
  const index = targets.indexOf(document.activeElement);
  const steps = { ArrowUp: index - 1, ArrowDown: index + 1, Home: 0, End: targets.length - 1 };
  const target = targets[steps[event.key]];
  if (!target) return;
  event.preventDefault();
  target.focus();
}

function place(parent, elements) {
  const wanted = new Set(elements);
  for (const child of [...parent.children]) if (!wanted.has(child)) child.remove();
  elements.forEach((element, index) => {
    if (parent.children[index] !== element) parent.insertBefore(element, parent.children[index] ?? null);
  });
}

function focusWithin(element) {
  const target = element.matches('a, button, [tabindex]') ? element : element.querySelector('a, button, [tabindex]');
  target?.focus({ preventScroll: true });
}
