// Encodes a photograph by score and by size, streams a large one, and shows how errors arrive.
import { readFile } from "node:fs/promises";
import { parseArgs } from "node:util";

import { connect } from "./client.js";
import { byScore, bySize, encode, encodeFile } from "./encode.js";
import { explain, isServiceError, retry } from "./errors.js";
import type { EncodeResponse__Output } from "./gen/autoquality/v1/EncodeResponse.js";

try {
  await main();
} catch (error) {
  console.error(isServiceError(error) ? explain(error) : error instanceof Error ? error.message : error);
  process.exitCode = 1;
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      server: { type: "string", default: "localhost:50051" },
      plaintext: { type: "boolean", default: false },
      ca: { type: "string" },
      "token-file": { type: "string" },
    },
  });
  const [photograph, large] = positionals;
  if (!photograph || !large) {
    throw new Error(
      "usage: npm start -- [--server HOST:PORT] [--plaintext] [--ca FILE] [--token-file FILE]" +
        " PHOTOGRAPH LARGE-PHOTOGRAPH",
    );
  }
  const image = await readFile(photograph);
  const { server, plaintext, ca, "token-file": tokenFile } = values;
  const client = connect(server, { plaintext, ca, tokenFile });
  // The server uses the time that is left for its search.
  const deadline = new Date(Date.now() + 60_000);

  try {
    for (const request of [byScore, bySize(50_000)]) {
      report(await retry(deadline, () => encode(client, { ...request, image }, deadline)));
    }
    const streamed = await retry(deadline, () =>
      encodeFile(client, large, byScore, deadline, ({ stage, probe }) =>
        console.log(probe ? `  tried quality ${probe.quality}: ${probe.sizeBytes} bytes` : `  ${stage}`),
      ),
    );
    report(streamed);

    const wrong = { ...byScore, image, background: "white", autoQuality: { minQuality: 0 } };
    await encode(client, wrong, deadline).catch((error) => console.log(explain(error)));
  } finally {
    client.close();
  }
}

function report({ format, quality, image, outcome, iterations }: EncodeResponse__Output): void {
  const bytes = image?.length;
  console.log(`${format}: quality ${quality}, ${bytes} bytes, ${outcome} after ${iterations} encodings`);
}
