// Building elements, and numbers as text.

export const $ = (id) => document.getElementById(id);

/** Make an element. Children are nodes or text, so no text becomes markup. */
export function element(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

/** Make an SVG element. */
export function svg(tag, attributes = {}, ...children) {
  return fill(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
}

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value === true) node.setAttribute(name, "");
    else if (value !== false && value != null) node.setAttribute(name, value);
  }
  node.append(...children);
  return node;
}

/** Write a number of bytes with three significant digits. */
export function bytes(count) {
  for (const [unit, size] of [["MB", 1e6], ["kB", 1e3]]) {
    if (count >= size) return `${Number((count / size).toPrecision(3))} ${unit}`;
  }
  return `${count} B`;
}

/** Write the saved share of the bytes. Negative sizes are growth. */
export function saved(before, after) {
  const percent = Math.round(100 * (after / before - 1));
  return `${percent < 0 ? "−" : "+"}${Math.abs(percent)} %`;
}

/** Replace "_" in a name of the contract. */
export const words = (name) => name.replaceAll("_", " ");
