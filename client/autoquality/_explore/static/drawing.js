// An example of what photographs' encoders do badly: text, thin lines and flat colours.

const [WIDTH, HEIGHT] = [960, 640];
const SERIES = ["#d1495b", "#00798c", "#edae49"];

/** Draw a window with text, a chart and a table. Returns a PNG as a Blob. */
export function screenshot() {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [WIDTH, HEIGHT];
  const pen = canvas.getContext("2d");
  box(pen, 0, 0, WIDTH, HEIGHT, "#f3f4f7");
  box(pen, 0, 0, WIDTH, 44, "#28323f");
  text(pen, "Orchard — weekly report", 20, 28, "#ffffff", 15);
  box(pen, 0, 44, 190, HEIGHT - 44, "#e4e8ee");
  ["Overview", "Harvest", "Storage", "Deliveries", "Prices", "Settings"].forEach((name, row) => {
    if (row === 1) box(pen, 0, 64 + 34 * row, 190, 34, "#cfe0f3");
    text(pen, name, 22, 86 + 34 * row, row === 1 ? "#12508c" : "#3c4755", 14);
  });
  chart(pen);
  table(pen);
  return new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
}

function chart(pen) {
  box(pen, 210, 64, 730, 290, "#ffffff");
  text(pen, "Crates a day", 230, 92, "#28323f", 15);
  for (let row = 0; row < 5; row++) {
    box(pen, 270, 120 + 50 * row, 640, 1, "#dfe3e8");
    text(pen, String(400 - 100 * row), 236, 124 + 50 * row, "#7a8696", 11);
  }
  SERIES.forEach((color, series) => {
    pen.strokeStyle = color;
    pen.lineWidth = 1.5;
    pen.beginPath();
    for (let day = 0; day <= 64; day++) {
      const wave = Math.sin(day / (4 + series)) * 40 + Math.sin(day * 1.7 + series) * 12;
      pen.lineTo(270 + 10 * day, 210 + 25 * series - wave - day / 2);
    }
    pen.stroke();
  });
}

function table(pen) {
  box(pen, 210, 374, 730, 246, "#ffffff");
  const rows = ["Braeburn", "Cox Orange", "Elstar", "Jonagold", "Pinova", "Topaz"];
  ["variety", "crates", "kg", "grade A", "change"].forEach((name, column) =>
    text(pen, name, 230 + 145 * column, 400, "#7a8696", 12),
  );
  rows.forEach((name, row) => {
    const top = 412 + 34 * row;
    box(pen, 230, top, 690, 1, "#e6e9ee");
    const cells = [name, 120 + 37 * row, 1840 + 511 * row, `${91 - 3 * row} %`];
    cells.forEach((cell, column) =>
      text(pen, String(cell), 230 + 145 * column, top + 22, "#28323f", 13),
    );
    const up = row % 3 !== 1;
    text(pen, up ? `+${2 + row} %` : `−${1 + row} %`, 810, top + 22, up ? "#1f7145" : "#b3261e", 13);
  });
}

function box(pen, left, top, width, height, color) {
  pen.fillStyle = color;
  pen.fillRect(left, top, width, height);
}

function text(pen, words, left, baseline, color, size) {
  pen.fillStyle = color;
  pen.font = `${size}px system-ui, sans-serif`;
  pen.fillText(words, left, baseline);
}
