// The page: from an image and the form to columns, curves and code.

import { Failure, askServer } from "./api.js";
import { SCORES, chart, table } from "./chart.js";
import { Column } from "./column.js";
import { $, bytes } from "./dom.js";
import * as form from "./form.js";
import * as sources from "./source.js";
import * as tabs from "./tabs.js";
import * as viewer from "./viewer.js";

let source = null;
let columns = [];
let running = new AbortController();
let server;
/** The signal of the run whose curves are being completed. */
let extending = null;

/** Larger images get complete curves only when the curves are looked at. */
const EAGER_PIXELS = 4e6;

/** Ask the server what the form can offer. False if it does not answer. */
async function connect() {
  server = await checkServer();
  if (server.methods) form.offer(server);
  fail(server.error?.message);
  return !server.error;
}

/** Ask the server, and show in the head of the page whether it answers. */
async function checkServer() {
  const asked = await askServer().catch((error) => ({ error }));
  $("server").classList.toggle("up", !asked.error);
  $("server").classList.toggle("down", Boolean(asked.error));
  $("server").textContent = asked.error
    ? `${asked.address ?? "explore"} · not available`
    : `${asked.address} · version ${asked.version}`;
  return asked;
}

function fail(message) {
  $("failure").hidden = !message;
  $("failure").textContent = message ?? "";
}

/** Show an error next to its field, or above the results. */
function report(error) {
  if (error.name === "AbortError") return;
  if (!(error instanceof Failure)) throw error;
  if (!form.showError(error.field, error.message)) fail(error.message);
}

/** Stop what runs. Returns the signal of what comes next. */
function restart() {
  running.abort();
  running = new AbortController();
  form.clearErrors();
  fail();
  $("finished").textContent = "";
  return running.signal;
}

async function pick(file) {
  const signal = restart();
  $("source").textContent = "Reading …";
  try {
    await connected;
    const picked = await sources.read(file, server.max_upload_bytes);
    if (signal.aborted) return;
    source = picked;
    viewer.reset();
    run();
    // On a phone, the results are below the form.
    if ($("output").offsetTop > innerHeight) $("output").scrollIntoView();
  } catch (error) {
    if (error.field === "image") error.message = `${file.name}: ${error.message}`;
    report(error);
  } finally {
    const size = source && `${source.width} × ${source.height}, ${bytes(source.file.size)}`;
    $("source").textContent = source ? `${source.name} · ${size}` : "";
  }
}

/** Encode the image in every chosen format, then fill in the curves. */
async function run() {
  const signal = restart();
  if (!server?.formats && !(await connect())) return;
  if (!source) {
    form.showError("image", "Choose an image first.");
    return;
  }
  const requests = form.requests(source.name);
  if (!requests.length) {
    form.showError("format", "Choose one format or more.");
    return;
  }
  for (const column of columns) column.close();
  columns = requests.map((fields) => new Column(source, fields, draw, report));
  $("columns").replaceChildren(...columns.map(({ node }) => node));
  $("welcome").hidden = true;
  $("results").hidden = false;
  try {
    await Promise.all(columns.map((column) => column.run(signal)));
    for (const { failure } of columns) if (failure) report(failure);
    $("finished").textContent = columns.map(({ summary }) => summary).join("; ");
    if (columns.some(({ failure }) => failure && !failure.field)) checkServer();
    tabs.offerCode(columns);
    draw();
    extendCurves();
  } catch (error) {
    report(error);
  }
}

/** Encode at more qualities, one after the other, to leave the server's workers to others. */
async function extendCurves() {
  const { signal } = running;
  const large = source && source.width * source.height > EAGER_PIXELS;
  if (extending === signal || (large && $("panel-curves").hidden)) return;
  extending = signal;
  try {
    for (let left; (left = missing()).length; ) {
      $("curves-status").textContent = `Completing the curves: ${left.length} to go`;
      await left[0].column.extend(left[0].quality, signal);
    }
  } catch (error) {
    report(error);
  } finally {
    if (extending === signal) extending = null;
    $("curves-status").textContent = "";
  }
}

/** Return what the curves still need, column by column. */
const missing = () =>
  columns
    .filter(({ result }) => result)
    .flatMap((column) =>
      column
        .missing(...form.qualityRange(column.result.applied))
        .map((quality) => ({ column, quality })),
    );

function draw() {
  if ($("panel-curves").hidden) return;
  const curves = columns.filter(({ result }) => result);
  $("curves").hidden = !curves.length;
  if (!curves.length) return;
  const { method, metric, target } = curves[0].result.applied;
  const targets = { [method === "size" ? "size_bytes" : metric]: target };
  // Methods without a metric show the first one. The table has all.
  const score = metric ?? Object.keys(SCORES)[0];
  const select = (column, encoding) => column.select(encoding);
  $("charts").replaceChildren(
    ...[score, "size_bytes"].map((field) => chart(curves, field, targets[field], select)),
  );
  $("table").replaceChildren(table(curves));
}

tabs.listen(() => {
  draw();
  extendCurves();
});
viewer.listen();
sources.listen(pick);
form.listen(() => source && run());
$("settings").addEventListener("submit", (event) => {
  event.preventDefault();
  run();
});
$("settings").addEventListener("change", (event) => {
  if (source && event.target.name) run();
});
const connected = connect();
