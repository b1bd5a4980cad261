// Size and score over quality: one curve for each format, one point for each encoding.

import { bytes, element, svg, words } from "./dom.js";

const [WIDTH, HEIGHT] = [460, 260];
const BOX = { left: 52, right: WIDTH - 48, top: 12, bottom: HEIGHT - 36 };
const LINE = 12;

export const SCORES = {
  ssimulacra2: { title: "SSIMULACRA2 (higher is better)", text: (value) => value.toFixed(1) },
  dssim: { title: "DSSIM (lower is better)", text: (value) => value.toFixed(4) },
};

/**
 * Draw a chart of `field` of every encoding.
 *
 * `columns` have a name and encodings. `target` is a value to mark, or null. A click on a point
 * calls `select(column, encoding)`.
 */
export function chart(columns, field, target, select) {
  const { title, text } = SCORES[field] ?? { title: "Size", text: bytes };
  const points = columns.flatMap((column) => column.encodings.filter((one) => one[field] != null));
  const values = points.map((one) => one[field]);
  if (target != null) values.push(target);
  const x = axis(points.map((one) => one.quality), BOX.left, BOX.right);
  const y = axis([0, ...values], BOX.bottom, BOX.top);
  const picture = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": title });
  for (const tick of y.ticks) {
    picture.append(
      svg("line", { class: "grid", x1: BOX.left, x2: BOX.right, y1: y.at(tick), y2: y.at(tick) }),
      svg("text", { x: BOX.left - 6, y: y.at(tick) + 4, "text-anchor": "end" }, tickText(tick, field)),
    );
  }
  for (const tick of x.ticks) {
    picture.append(
      svg("text", { x: x.at(tick), y: BOX.bottom + 16, "text-anchor": "middle" }, String(tick)),
    );
  }
  const middle = (BOX.left + BOX.right) / 2;
  picture.append(svg("text", { x: middle, y: HEIGHT - 5, "text-anchor": "middle" }, "quality"));
  if (target != null) {
    const height = y.at(target);
    picture.append(
      svg("line", { class: "target", x1: BOX.left, x2: BOX.right, y1: height, y2: height }),
      svg("text", { x: BOX.right, y: height - 4, "text-anchor": "end" }, `target ${text(target)}`),
    );
  }
  const ends = [];
  for (const column of columns) {
    const line = column.encodings.filter((one) => one[field] != null && one.quality);
    const path = line.map((one) => `${x.at(one.quality)},${y.at(one[field])}`).join(" ");
    const group = svg("g", {}, svg("polyline", { class: "curve", points: path }));
    group.style.setProperty("--color", column.color);
    for (const one of line) {
      const place = { cx: x.at(one.quality), cy: y.at(one[field]) };
      if (one === column.shown) group.append(svg("circle", { class: "shown", ...place, r: 11 }));
      const label = `${column.name}, quality ${one.quality}: ${text(one[field])}`;
      const radius = one.kind === "answer" ? 6 : 4;
      group.append(
        svg(
          "circle",
          { class: `point ${one.kind}`, ...place, r: radius, onclick: () => select(column, one) },
          svg("title", {}, label),
        ),
      );
    }
    if (line.length) ends.push({ column, y: y.at(line.at(-1)[field]), group });
    picture.append(group);
  }
  // The name of each curve stands next to its end, and not over another name.
  let least = -Infinity;
  for (const { column, y: end, group } of ends.sort((one, other) => one.y - other.y)) {
    least = Math.max(end, least + LINE);
    group.append(svg("text", { class: "name", x: BOX.right + 6, y: least + 4 }, column.name));
  }
  return element("figure", {}, element("figcaption", {}, title), picture);
}

/** List all encodings as a table. */
export function table(columns) {
  const scores = Object.keys(SCORES).filter((score) =>
    columns.some((column) => column.encodings.some((one) => one[score] != null)),
  );
  const headings = ["format", "quality", "size", ...scores.map((score) => score.toUpperCase()), ""];
  const rows = columns.flatMap((column) =>
    column.encodings.map((one) => [
      column.name,
      one.quality ?? "–",
      bytes(one.size_bytes),
      ...scores.map((score) => (one[score] == null ? "–" : SCORES[score].text(one[score]))),
      one.kind === "added" ? "" : words(one.kind),
    ]),
  );
  return element(
    "table",
    {},
    element("thead", {}, row("th", headings)),
    element("tbody", {}, ...rows.map((cells) => row("td", cells))),
  );
}

const row = (tag, cells) =>
  element("tr", {}, ...cells.map((cell) => element(tag, {}, String(cell))));

const tickText = (value, field) =>
  field === "size_bytes" ? bytes(value) : String(Number(value.toPrecision(3)));

/** A scale from `values` to the screen, with round ticks. */
function axis(values, start, end) {
  const [least, most] = [Math.min(...values), Math.max(...values)];
  const span = most - least || 1;
  const magnitude = 10 ** Math.floor(Math.log10(span / 4));
  const step = [1, 2, 5, 10].map((round) => round * magnitude).find((one) => span / one <= 5);
  const first = Math.floor(least / step);
  const last = Math.ceil((most === least ? most + step : most) / step);
  const ticks = Array.from({ length: last - first + 1 }, (_, index) =>
    Number(((first + index) * step).toPrecision(6)),
  );
  const [low, high] = [ticks[0], ticks.at(-1)];
  return { ticks, at: (value) => start + ((value - low) / (high - low)) * (end - start) };
}
