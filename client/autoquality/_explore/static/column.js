// One format: its progress, its result, its encodings and its pane.

import { Failure, encode } from "./api.js";
import { SCORES } from "./chart.js";
import { bytes, element, saved, words } from "./dom.js";
import { Pane } from "./viewer.js";

const GRID = 9;
const MET = new Set(["target_met", "fixed_quality", "prediction_trusted", "no_quality", "source_kept"]);
const STAGES = {
  accepted: "sending",
  received: "received",
  queued: "waiting for a worker",
  started: "encoding",
};

export class Column {
  /** The encodings so far, by quality: those of the search, and those added for the curve. */
  encodings = [];
  /** The encoding that was chosen, and the one in the pane. */
  shown = null;
  drawn = null;
  code = null;
  result = null;
  failure = null;

  /**
   * `form` has the fields of the request. `changed` is called after each new encoding, `failed`
   * with the Failure of one that was to be shown.
   */
  constructor(source, form, changed, failed) {
    this.source = source;
    this.form = form;
    this.name = form.format.toUpperCase();
    this.color = `var(--${form.format}, var(--accent))`;
    this.changed = changed;
    this.failed = failed;
    this.status = element("span", {}, "starting");
    this.body = element(
      "div",
      { class: "working", role: "status" },
      element("progress", { "aria-label": `${this.name} is being encoded` }),
      this.status,
    );
    this.saved = element("span", { class: "saved" });
    this.node = element(
      "article",
      { class: "column", "aria-label": this.name },
      element("header", {}, element("h3", {}, this.name), this.saved),
      this.body,
    );
    this.node.style.setProperty("--color", this.color);
  }

  /** Encode. Keeps a Failure, and throws AbortError after `signal`. */
  async run(signal) {
    const tried = [];
    try {
      for await (const event of encode(this.form, this.source.file, signal)) {
        if (event.result) {
          this.#finish(event);
        } else if (event.progress.probe) {
          tried.push(event.progress.probe);
          this.status.textContent = `tried ${tried.map(describe).join(", then ")}`;
        } else {
          this.status.textContent = STAGES[event.progress.stage] ?? "working";
        }
      }
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      this.failure = error;
      this.body.replaceWith(element("p", { class: "error" }, error.message));
    }
  }

  #finish({ result, code, file }) {
    [this.result, this.code] = [result, code];
    this.encodings = result.probes
      .filter((probe) => !probe.format || sameFile(probe, result))
      .map((probe) => ({ ...probe, kind: "tried" }));
    // A probe may stand for another quality with the same file, so the answer is added.
    this.encodings = this.encodings.filter((one) => one.quality !== (result.quality ?? 0));
    const { quality, size_bytes } = result;
    const scores = Object.fromEntries(Object.keys(SCORES).map((score) => [score, result[score]]));
    this.#add({ quality, size_bytes, ...scores, kind: "answer", file });
    this.pane = new Pane(this.source, this.name, result.format.toUpperCase());
    this.steps = element("input", {
      type: "range", min: 0, "aria-label": `${this.name}: quality to show`,
      oninput: () => this.select(this.encodings[Number(this.steps.value)]),
    });
    this.caption = element("output", {});
    this.save = element("a", { "aria-label": `save ${this.name}` }, "save");
    const { outcome, iterations, notices } = result;
    const encodings = `${iterations} encoding${iterations === 1 ? "" : "s"}`;
    const { total } = result.timings;
    const time = total < 1 ? `${Math.round(1000 * total)} ms` : `${total.toFixed(1)} s`;
    this.figures = element("p", { class: "figures" });
    this.body.replaceWith(
      this.figures,
      element(
        "p",
        { class: "figures" },
        element("span", { class: `outcome ${MET.has(outcome) ? "met" : "missed"}` }, words(outcome)),
        ` · ${encodings} · ${time}`,
      ),
      element(
        "div",
        {},
        ...list("notices", notices.map((notice) => element("li", {}, notice.message))),
        ...this.#candidates(),
      ),
      this.pane.node,
      element("footer", {}, this.steps, this.caption, this.save),
    );
    this.select(this.encodings.find((one) => one.kind === "answer"));
  }

  /** What became of each candidate, if there was a choice of formats. */
  #candidates() {
    const { candidates } = this.result;
    if (new Set(candidates.map(({ format }) => format)).size < 2) return [];
    return list("candidates", candidates.map((one) => element(
      "li",
      { class: one.verdict === "chosen" ? "chosen" : "" },
      element("b", {}, [one.format.toUpperCase(), withoutLoss(one)].filter(Boolean).join(" ")),
      one.size_bytes == null ? "" : ` · ${one.predicted ? "about " : ""}${bytes(one.size_bytes)}`,
      ` · ${one.message}`,
    )));
  }

  #add(encoding) {
    this.encodings.push(encoding);
    this.encodings.sort((one, other) => one.quality - other.quality);
  }

  /** Show one of the encodings, and make it first if the search did not keep it. */
  async select(encoding) {
    this.shown = encoding;
    this.#describe();
    this.changed();
    this.pane.wait(!encoding.file);
    try {
      encoding.file ??= (await this.#encode(encoding.quality)).file;
    } catch (error) {
      if (this.shown === encoding) this.select(this.drawn);
      this.failed(error);
      return;
    }
    if (this.shown !== encoding) return;
    this.drawn = encoding;
    this.pane.wait(false);
    this.pane.show(encoding.file, this.result.frames > 1);
    URL.revokeObjectURL(this.save.href);
    this.save.href = URL.createObjectURL(encoding.file);
    const suffix = this.result.format === "jpeg" ? "jpg" : this.result.format;
    this.save.download = `${this.source.name.replace(/\.[^.]*$/, "")}.${suffix}`;
  }

  #describe() {
    const { shown, source } = this;
    this.saved.textContent = saved(source.file.size, shown.size_bytes);
    const scores = Object.keys(SCORES).filter((score) => shown[score] != null);
    const kept = this.result.outcome === "source_kept" && shown.kind === "answer";
    const exact = withoutLoss(this.result) || "lossless";
    const quality = shown.quality ? `quality ${shown.quality}` : kept ? "the source" : exact;
    this.figures.replaceChildren(
      element("b", {}, `${bytes(shown.size_bytes)} of ${bytes(source.file.size)}`),
      ` · ${quality}`,
      element("br"),
      scores.map((score) => `${score.toUpperCase()} ${SCORES[score].text(shown[score])}`).join(" · "),
    );
    this.steps.max = this.encodings.length - 1;
    this.steps.value = this.encodings.indexOf(shown);
    this.steps.disabled = this.encodings.length < 2;
    this.caption.value = shown.kind === "answer" ? `${quality} (answer)` : quality;
    this.steps.setAttribute("aria-valuetext", this.caption.value);
  }

  /** Return the qualities that the curve between `low` and `high` still needs. */
  missing(low, high) {
    if (!this.result?.quality) return [];
    const step = (high - low) / (GRID - 1);
    const grid = Array.from({ length: GRID }, (_, index) => Math.round(low + index * step));
    const near = (quality) =>
      this.encodings.some((one) => Math.abs(one.quality - quality) <= step / 4);
    return grid.filter((quality) => !near(quality));
  }

  /** Encode at another quality, for the curve. */
  async extend(quality, signal) {
    const { result, file } = await this.#encode(quality, signal);
    const scores = Object.fromEntries(Object.keys(SCORES).map((score) => [score, result[score]]));
    this.#add({ quality, size_bytes: result.size_bytes, ...scores, kind: "added", file });
    this.#describe();
    this.changed();
  }

  async #encode(quality, signal) {
    const { format, applied } = this.result;
    const form = { format, name: this.source.name, method: "none", target: quality };
    // METHOD_ML writes JPEG by mozjpeg, so the rest of its curve needs mozjpeg too.
    if (applied.method === "ml" && format === "jpeg") form.mozjpeg = 1;
    for await (const event of encode(form, this.source.file, signal)) {
      if (event.result) return event;
    }
  }

  /** What a screen reader says about the end of the search. */
  get summary() {
    const { result, failure, name, saved } = this;
    return `${name}: ${failure ? failure.message : `${saved.textContent}, ${words(result.outcome)}`}`;
  }

  close() {
    this.pane?.close();
    if (this.save) URL.revokeObjectURL(this.save.href);
    this.node.remove();
  }
}

/** Return a list with a name, unless it is empty. */
const list = (name, items) =>
  items.length ? [element("ul", { class: name, "aria-label": name }, ...items)] : [];

/** Whether a probe is of the same curve as the result. */
const sameFile = (probe, result) =>
  probe.format === result.format && withoutLoss(probe) === withoutLoss(result);

/** Return how a file is without loss, or nearly; empty for a lossy one. */
const withoutLoss = ({ lossless, near_lossless: level }) =>
  level == null ? (lossless ? "lossless" : "") : `near-lossless, level ${level}`;

const describe = (probe) =>
  `${probe.quality ? `quality ${probe.quality}` : "one encoding"} (${bytes(probe.size_bytes)})`;
