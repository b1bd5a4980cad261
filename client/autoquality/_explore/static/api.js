// Requests to the program behind this page.

/** A request that failed. `field` is the field of the form that is wrong, if one is. */
export class Failure extends Error {
  constructor({ message, field = null }) {
    super(message[0].toUpperCase() + message.slice(1));
    this.field = field;
  }
}

const GONE = {
  message: "The program behind this page does not answer. Start `autoquality explore` again.",
};

/** Return what the form can offer. */
export async function askServer() {
  const response = await reached(fetch("/api/server"));
  return response.json();
}

/**
 * Encode a Blob. Yields {progress} for each step, and at last {result, code, file}.
 * Throws Failure, and AbortError after `signal`.
 */
export async function* encode(fields, image, signal) {
  const response = await reached(
    fetch(`/api/encode?${new URLSearchParams(fields)}`, {
      method: "POST",
      headers: { "content-type": "application/octet-stream" },
      body: image,
      signal,
    }),
  );
  if (!response.ok) throw new Failure((await reached(response.json())).error);
  const reader = response.body.getReader();
  let rest = new Uint8Array();
  for (;;) {
    const end = rest.indexOf(10);
    if (end < 0) {
      const { value, done } = await reached(reader.read());
      if (done) throw new Failure(GONE);
      rest = joined([rest, value]);
      continue;
    }
    const event = JSON.parse(new TextDecoder().decode(rest.subarray(0, end)));
    rest = rest.subarray(end + 1);
    if (event.error) throw new Failure(event.error);
    if (event.result) {
      // The encoded file follows the result.
      event.file = new Blob([rest, ...(await remaining(reader))], {
        type: `image/${event.result.format}`,
      });
      yield event;
      return;
    }
    yield event;
  }
}

async function remaining(reader) {
  const parts = [];
  for (;;) {
    const { value, done } = await reached(reader.read());
    if (done) return parts;
    parts.push(value);
  }
}

function joined(parts) {
  const whole = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}

async function reached(promise) {
  try {
    return await promise;
  } catch (error) {
    throw error.name === "AbortError" ? error : new Failure(GONE);
  }
}
