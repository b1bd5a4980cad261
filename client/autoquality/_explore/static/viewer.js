// Original and result of each format, one over the other. All panes show the same place.

import { drawDifference } from "./difference.js";
import { $, element } from "./dom.js";

const [LEAST_SCALE, MOST_SCALE] = [1 / 16, 32];
const PAN_STEP = 60;

/** What all panes show. `scale` is screen pixels per image pixel, `x` and `y` the center. */
const view = { scale: 1, x: 0.5, y: 0.5, split: 0.5, mode: "slider", gain: 8, fit: false };
const panes = new Set();

/** One pane: a stage with the original, the result and their difference. */
export class Pane {
  #original;
  #blob = null;
  #drawn = null;
  #pointers = new Map();

  /** `format` is that of the result, which may not be the format of the request. */
  constructor(original, name, format) {
    this.#original = original;
    this.before = element("img", { alt: "Original", draggable: "false" });
    this.#load(this.before, original.shown);
    this.after = element("img", { alt: `${format} result`, draggable: "false" });
    this.canvas = element("canvas", { role: "img", "aria-label": "Difference map" });
    this.split = element("input", {
      type: "range", class: "split", min: 0, max: 1, step: 0.01,
      "aria-label": `${name}: boundary between original and result`,
      oninput: () => update({ split: Number(this.split.value) }),
    });
    this.stage = element(
      "div",
      {
        class: "stage", tabindex: 0, role: "group",
        "aria-label": `${name}: arrow keys pan, plus and minus zoom, 0 is 1:1`,
      },
      element("div", { class: "layer original" }, this.before),
      element("div", { class: "layer result" }, this.after),
      element("div", { class: "layer difference" }, this.canvas),
      element("span", { class: "tag left" }, "original"),
      element("span", { class: "tag right" }, format),
      this.split,
    );
    this.node = element("div", { class: "viewer" }, this.stage);
    this.#listen();
    this.observer = new ResizeObserver(() => this.render());
    this.observer.observe(this.stage);
    panes.add(this);
  }

  /** Show that the result is not the chosen one yet. */
  wait(on) {
    this.stage.setAttribute("aria-busy", String(on));
  }

  /** Show another result. If it is animated, both images begin again, or they are out of step. */
  show(blob, animated) {
    this.#blob = blob;
    if (animated) this.#load(this.before, this.#original.shown);
    this.#load(this.after, blob);
    this.render();
  }

  #load(image, blob) {
    URL.revokeObjectURL(image.src);
    image.src = URL.createObjectURL(blob);
  }

  close() {
    panes.delete(this);
    this.observer.disconnect();
    for (const image of [this.before, this.after]) URL.revokeObjectURL(image.src);
  }

  get fitting() {
    const { width, height } = this.#original;
    const { clientWidth, clientHeight } = this.stage;
    return Math.min(clientWidth / width, clientHeight / height) * devicePixelRatio;
  }

  render() {
    const { width, height } = this.#original;
    const { clientWidth } = this.stage;
    const wanted = view.fit ? (clientWidth * height) / width : height / devicePixelRatio;
    this.stage.style.height = `${Math.max(200, Math.min(wanted, innerHeight * 0.62))}px`;
    const stage = { x: this.stage.clientWidth, y: this.stage.clientHeight };
    if (!stage.x) return; // in a hidden panel
    if (view.fit) view.scale = this.fitting;
    const scale = view.scale / devicePixelRatio;
    const offset = (axis, size) => {
      const least = Math.min(0.5, stage[axis] / 2 / (size * scale));
      view[axis] = Math.min(1 - least, Math.max(least, view[axis]));
      // On whole screen pixels, 1:1 is sharp.
      const start = stage[axis] / 2 - view[axis] * size * scale;
      return Math.round(start * devicePixelRatio) / devicePixelRatio;
    };
    const transform = `translate(${offset("x", width)}px, ${offset("y", height)}px) scale(${scale})`;
    for (const layer of [this.before, this.after, this.canvas]) {
      Object.assign(layer.style, { width: `${width}px`, height: `${height}px`, transform });
    }
    this.stage.dataset.mode = view.mode;
    this.stage.classList.toggle("pixels", view.scale >= 2);
    this.stage.style.setProperty("--split", view.split);
    this.split.value = view.split;
    this.split.setAttribute("aria-valuetext", `${Math.round(100 * view.split)} % original`);
    if (view.mode === "difference") this.#difference();
  }

  async #difference() {
    const wanted = [this.#blob, view.gain];
    if (!this.#blob || wanted.every((value, i) => value === this.#drawn?.[i])) return;
    this.#drawn = wanted;
    const same = await drawDifference(this.canvas, this.#original.shown, ...wanted);
    this.canvas.hidden = !same;
  }

  #listen() {
    const { stage } = this;
    stage.addEventListener("pointerdown", (event) => {
      if (event.target === this.split) return;
      stage.setPointerCapture(event.pointerId);
      this.#pointers.set(event.pointerId, event);
    });
    stage.addEventListener("pointermove", (event) => this.#drag(event));
    for (const end of ["pointerup", "pointercancel"]) {
      stage.addEventListener(end, (event) => this.#pointers.delete(event.pointerId));
    }
    stage.addEventListener(
      "wheel",
      (event) => {
        // Pinching a touchpad is a wheel with Ctrl. The wheel alone scrolls the page.
        if (!event.ctrlKey && !event.metaKey) return;
        event.preventDefault();
        zoomBy(2 ** (-event.deltaY / 200));
      },
      { passive: false },
    );
    stage.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
      const [x, y] = (event.target === stage && step[event.key]) || [0, 0];
      if (x || y) this.#pan(-x * PAN_STEP, -y * PAN_STEP);
      else if ("+=".includes(event.key)) zoomBy(2);
      else if (event.key === "-") zoomBy(0.5);
      else if (event.key === "0") zoomTo(1);
      else return;
      event.preventDefault();
    });
  }

  #drag(event) {
    const before = this.#pointers.get(event.pointerId);
    if (!before) return;
    const others = [...this.#pointers.values()].filter((one) => one.pointerId !== event.pointerId);
    const distance = (from) =>
      Math.hypot(from.clientX - others[0].clientX, from.clientY - others[0].clientY);
    if (others.length === 1) zoomBy(distance(event) / Math.max(1, distance(before)));
    const share = 1 / this.#pointers.size;
    const [x, y] = [event.clientX - before.clientX, event.clientY - before.clientY];
    this.#pan(x * share, y * share);
    this.#pointers.set(event.pointerId, event);
  }

  #pan(x, y) {
    const scale = view.scale / devicePixelRatio;
    const { width, height } = this.#original;
    update({ x: view.x - x / (width * scale), y: view.y - y / (height * scale) });
  }
}

function update(changes) {
  Object.assign(view, changes);
  for (const pane of panes) pane.render();
  $("zoom").value = `${Math.round(100 * view.scale)} %`;
}

function zoomTo(scale) {
  update({ scale: Math.min(MOST_SCALE, Math.max(LEAST_SCALE, scale)), fit: false });
}

const zoomBy = (factor) => zoomTo(view.scale * factor);

/** Show the center at 1:1 again, for a new image. */
export function reset() {
  update({ scale: 1, x: 0.5, y: 0.5, split: 0.5, fit: false });
}

/** Connect the toolbar. */
export function listen() {
  $("zoom-in").addEventListener("click", () => zoomBy(2));
  $("zoom-out").addEventListener("click", () => zoomBy(0.5));
  $("zoom-actual").addEventListener("click", () => zoomTo(1));
  $("zoom-fit").addEventListener("click", () => update({ fit: true }));
  for (const radio of document.getElementsByName("mode")) {
    radio.addEventListener("change", () => {
      $("legend").hidden = radio.value !== "difference";
      update({ mode: radio.value });
    });
  }
  const gain = () => {
    update({ gain: Number($("gain").value) });
    $("ramp-end").textContent = `${Math.ceil(255 / view.gain)} of 255`;
  };
  $("gain").addEventListener("change", gain);
  gain();
}
