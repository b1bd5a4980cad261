// The difference map: for each pixel, the largest difference of its three channels, as a colour.

const STOPS = [[0, 0, 0], [86, 27, 110], [187, 55, 84], [249, 140, 10], [252, 255, 164]];
const PALETTE = Uint32Array.from({ length: 256 }, (_, level) => {
  const place = (level / 255) * (STOPS.length - 1);
  const index = Math.min(STOPS.length - 2, Math.floor(place));
  const [from, to] = [STOPS[index], STOPS[index + 1]];
  const [r, g, b] = from.map((start, i) => Math.round(start + (place - index) * (to[i] - start)));
  return (255 << 24) | (b << 16) | (g << 8) | r;
});

const decoded = new WeakMap();

/** Draw `gain` times the difference of two Blobs on the canvas. False if their sizes differ. */
export async function drawDifference(canvas, original, result, gain) {
  const [before, after] = await Promise.all([samples(original), samples(result)]);
  if (before.width !== after.width || before.height !== after.height) return false;
  const picture = new ImageData(before.width, before.height);
  const out = new Uint32Array(picture.data.buffer);
  const [a, b] = [before.data, after.data];
  for (let pixel = 0, at = 0; pixel < out.length; pixel++, at += 4) {
    const most = Math.max(
      Math.abs(a[at] - b[at]),
      Math.abs(a[at + 1] - b[at + 1]),
      Math.abs(a[at + 2] - b[at + 2]),
    );
    out[pixel] = PALETTE[Math.min(255, most * gain)];
  }
  [canvas.width, canvas.height] = [before.width, before.height];
  canvas.getContext("2d").putImageData(picture, 0, 0);
  return true;
}

/** Return the pixels of an image, over white. Keeps them as long as the Blob. */
function samples(blob) {
  if (!decoded.has(blob)) decoded.set(blob, decode(blob));
  return decoded.get(blob);
}

async function decode(blob) {
  const bitmap = await createImageBitmap(blob);
  const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  pen.fillStyle = "#fff";
  pen.fillRect(0, 0, canvas.width, canvas.height);
  pen.drawImage(bitmap, 0, 0);
  bitmap.close();
  return pen.getImageData(0, 0, canvas.width, canvas.height);
}
