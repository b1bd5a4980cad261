// The form: what it offers, its values and its errors.

import { $, bytes, element, words } from "./dom.js";

const CHOSEN_FORMATS = new Set(["jpeg", "webp", "avif"]);
const FIELDS = ["image", "target", "format", "min_quality", "max_quality"];

let methods = [];
let changed;

/** Connect the form. `onchange` is called when a preset is chosen. */
export function listen(onchange) {
  changed = onchange;
  $("method").addEventListener("change", describeMethod);
  $("target").addEventListener("input", markPreset);
}

/** Fill the form with what the server offers. */
export function offer(server) {
  methods = server.methods;
  $("method").replaceChildren(
    ...methods.map(({ method, label }) => element("option", { value: method }, label)),
  );
  $("formats").replaceChildren(
    ...(server.formats ?? []).map(({ name }) =>
      element(
        "label",
        { class: "chip" },
        element("input", {
          type: "checkbox", name: "format", value: name, checked: CHOSEN_FORMATS.has(name),
          "aria-describedby": "format-error",
        }),
        name.toUpperCase(),
      ),
    ),
  );
  describeMethod();
}

function describeMethod() {
  const { method, target_label, hint, target, presets, compares } = current();
  $("target-label").textContent = target_label;
  $("target-hint").textContent = hint;
  $("target").value = target;
  $("range").hidden = method === "none";
  $("best").hidden = !compares;
  $("presets").replaceChildren(
    ...presets.map((value) =>
      element(
        "button",
        {
          type: "button", class: "chip", value,
          onclick: () => {
            $("target").value = value;
            markPreset();
            changed();
          },
        },
        method === "size" ? bytes(Number(value)) : words(value),
      ),
    ),
  );
  markPreset();
}

function markPreset() {
  for (const preset of $("presets").children) {
    preset.setAttribute("aria-pressed", String(preset.value === $("target").value.trim()));
  }
}

const current = () => methods.find(({ method }) => method === $("method").value);

/** Return the fields of one request for each chosen format, and of one for the best of them. */
export function requests(name) {
  const form = new FormData($("settings"));
  const formats = form.getAll("format");
  const best = form.get("best") && current().compares && formats.length > 1;
  for (const field of ["format", "best"]) form.delete(field);
  const fields = { name, ...Object.fromEntries(form) };
  const alone = formats.map((format) => ({ ...fields, format }));
  return best ? [...alone, { ...fields, format: "best", candidates: formats.join() }] : alone;
}

/** Return the range of qualities for the curves. */
export function qualityRange(applied) {
  const form = new FormData($("settings"));
  return [
    Number(form.get("min_quality")) || applied.min_quality,
    Number(form.get("max_quality")) || applied.max_quality,
  ];
}

/** Show an error next to its field. False if the form has no such field. */
export function showError(field, message) {
  if (!FIELDS.includes(field)) return false;
  $(`${field}-error`).textContent = message;
  $("settings").elements[field]?.setAttribute?.("aria-invalid", "true");
  return true;
}

export function clearErrors() {
  for (const field of FIELDS) {
    $(`${field}-error`).textContent = "";
    $("settings").elements[field]?.removeAttribute?.("aria-invalid");
  }
}
