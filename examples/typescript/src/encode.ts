import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { Readable, type Writable } from "node:stream";

import type { EncodeProgress__Output } from "./gen/autoquality/v1/EncodeProgress.js";
import type { EncodeRequest } from "./gen/autoquality/v1/EncodeRequest.js";
import type { EncodeResponse__Output } from "./gen/autoquality/v1/EncodeResponse.js";
import type { EncodeStreamRequest } from "./gen/autoquality/v1/EncodeStreamRequest.js";
import type { EncodeStreamResponse__Output } from "./gen/autoquality/v1/EncodeStreamResponse.js";
import type { EncodeStreamStart } from "./gen/autoquality/v1/EncodeStreamStart.js";
import type { EncodingServiceClient } from "./gen/autoquality/v1/EncodingService.js";

/** A WebP that looks as good as the score says: 70 is "high". */
export const byScore: EncodeRequest = {
  format: "FORMAT_WEBP",
  autoQuality: { method: "METHOD_SSIMULACRA2", target: 70 },
};

/** The best JPEG of at most so many bytes. */
export const bySize = (bytes: number): EncodeRequest => ({
  format: "FORMAT_JPEG",
  autoQuality: { method: "METHOD_SIZE", target: bytes },
});

export function encode(
  client: EncodingServiceClient,
  request: EncodeRequest,
  deadline: Date,
): Promise<EncodeResponse__Output> {
  return new Promise((resolve, reject) => {
    client.encode(request, { deadline }, (error, response) =>
      error ? reject(error) : resolve(response!),
    );
  });
}

// Limits.maxChunkBytes is 4 MiB by default. Smaller chunks show their progress sooner.
const chunkBytes = 2 ** 20;

/** Stream a file of any size. The answer has its image like that of `encode`. */
export async function encodeFile(
  client: EncodingServiceClient,
  path: string,
  request: EncodeRequest,
  deadline: Date,
  onProgress: (progress: EncodeProgress__Output) => void,
): Promise<EncodeResponse__Output> {
  const { size } = await stat(path); // before the call: the file may be missing
  const call = client.encodeStream({ deadline });
  const source = Readable.from(parts(path, { request, sourceBytes: size }));
  let failure: unknown;
  source.once("error", (error) => {
    failure = error; // the file cannot be read
    call.cancel();
  });
  source.pipe(call as unknown as Writable); // waits whenever the server is slower
  let answer: EncodeResponse__Output | undefined;
  const chunks: Buffer[] = [];
  try {
    for await (const message of call as AsyncIterable<EncodeStreamResponse__Output>) {
      if (message.progress) onProgress(message.progress);
      if (message.result) answer = message.result;
      if (message.chunk) chunks.push(message.chunk);
    }
  } catch (error) {
    throw failure ?? error;
  } finally {
    source.destroy();
  }
  if (!answer) throw new Error("the stream ended without a result");
  return { ...answer, image: Buffer.concat(chunks) };
}

async function* parts(path: string, start: EncodeStreamStart): AsyncGenerator<EncodeStreamRequest> {
  yield { start };
  for await (const chunk of createReadStream(path, { highWaterMark: chunkBytes })) {
    yield { chunk };
  }
}
