// The image to encode: chosen, dropped, pasted, or an example.

import { Failure, encode } from "./api.js";
import { screenshot } from "./drawing.js";
import { $ } from "./dom.js";

const EXAMPLES = {
  photograph: async () =>
    new File([await (await fetch("/static/coffee.jpg")).blob()], "coffee.jpg"),
  screenshot: async () => new File([await screenshot()], "screenshot.png"),
};

/** Call `pick` with each File that the user chooses. */
export function listen(pick) {
  const first = (files) => files?.[0] && pick(files[0]);
  $("choose").addEventListener("click", () => $("file").click());
  $("file").addEventListener("change", () => {
    first($("file").files);
    $("file").value = ""; // the same file may be chosen again
  });
  document.addEventListener("paste", (event) => first(event.clipboardData.files));
  for (const button of document.querySelectorAll("[data-example]")) {
    button.addEventListener("click", async () => pick(await EXAMPLES[button.dataset.example]()));
  }
  const isFile = (event) => event.dataTransfer?.types.includes("Files");
  const showing = (on) => ($("dropping").hidden = !on);
  addEventListener("dragover", (event) => {
    if (!isFile(event)) return;
    event.preventDefault();
    showing(true);
  });
  addEventListener("dragleave", (event) => event.relatedTarget || showing(false));
  addEventListener("drop", (event) => {
    if (!isFile(event)) return;
    event.preventDefault();
    showing(false);
    first(event.dataTransfer.files);
  });
}

/**
 * Read a File: {file, name, shown, width, height}. `shown` is a Blob that the browser can show.
 * The server converts formats that it cannot. Throws Failure.
 */
export async function read(file, limit) {
  if (file.size > limit) {
    const message = `The image is larger than ${Math.round(limit / 2 ** 20)} MiB.`;
    throw new Failure({ message, field: "image" });
  }
  if (file.size === 0) throw new Failure({ message: "The file is empty.", field: "image" });
  const source = { file, name: file.name || "pasted.png", shown: file };
  let bitmap = await createImageBitmap(file).catch(() => null);
  if (!bitmap) {
    for await (const event of encode({ format: "png", method: "none" }, file)) {
      if (event.file) source.shown = event.file;
    }
    bitmap = await createImageBitmap(source.shown);
  }
  [source.width, source.height] = [bitmap.width, bitmap.height];
  bitmap.close();
  return source;
}
