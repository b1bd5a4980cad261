// Tabs and the code panel.

import { $, element } from "./dom.js";

/** Connect the tabs: arrow keys, Home and End move between them (WAI-ARIA's pattern). */
export function listen(opened) {
  const tabs = [...document.querySelectorAll("[role=tab]")];
  const open = (chosen) => {
    for (const tab of tabs) {
      tab.setAttribute("aria-selected", String(tab === chosen));
      tab.tabIndex = tab === chosen ? 0 : -1;
      $(tab.getAttribute("aria-controls")).hidden = tab !== chosen;
    }
    $("columns").classList.toggle("compact", chosen !== tabs[0]);
    opened();
  };
  tabs.forEach((tab, index) => {
    tab.addEventListener("click", () => open(tab));
    tab.addEventListener("keydown", (event) => {
      const next = {
        ArrowLeft: index - 1, ArrowRight: index + 1, Home: 0, End: tabs.length - 1,
      }[event.key];
      if (next === undefined) return;
      event.preventDefault();
      const chosen = tabs.at(next % tabs.length);
      open(chosen);
      chosen.focus();
    });
  });
  open(tabs[0]);
  $("code-format").addEventListener("change", showCode);
  $("languages").addEventListener("change", showCode);
  $("copy").addEventListener("click", copy);
}

let columns = [];

/** Offer the code of these columns. */
export function offerCode(finished) {
  columns = finished.filter((column) => column.code);
  $("code").textContent = "";
  if (!columns.length) return;
  const before = $("code-format").value;
  $("code-format").replaceChildren(
    ...columns.map(({ name }) => element("option", { selected: name === before }, name)),
  );
  if (!$("languages").children.length) {
    $("languages").append(
      ...Object.keys(columns[0].code).map((language, index) =>
        element(
          "label",
          { class: "chip" },
          element("input", { type: "radio", name: "language", value: language, checked: !index }),
          language,
        ),
      ),
    );
  }
  showCode();
}

function showCode() {
  const column = columns.find(({ name }) => name === $("code-format").value);
  const language = document.querySelector("[name=language]:checked").value;
  $("code").textContent = column.code[language];
  $("copied").textContent = "";
}

async function copy() {
  try {
    await navigator.clipboard.writeText($("code").textContent);
    $("copied").textContent = "Copied.";
  } catch {
    // Without permission, the selection is ready for Ctrl-C.
    getSelection().selectAllChildren($("code"));
    $("copied").textContent = "Press Ctrl-C to copy.";
  }
}
