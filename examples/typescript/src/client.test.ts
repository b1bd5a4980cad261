import assert from "node:assert/strict";
import { after, test } from "node:test";
import * as grpc from "@grpc/grpc-js";
import type { MessageTypeDefinition } from "@grpc/proto-loader";

import { channelOptions, definition, loaded } from "./client.js";
import { encode, encodeFile } from "./encode.js";
import { explain, isServiceError, retry } from "./errors.js";
import type { EncodingServiceClient } from "./gen/autoquality/v1/EncodingService.js";

const { EncodingService } = loaded.autoquality.v1;
const image = Buffer.alloc(2 * 2 ** 20);
const inAMinute = () => new Date(Date.now() + 60_000);

function serialize(name: string, message: object): Buffer {
  return (definition[name] as MessageTypeDefinition<object, object>).serialize(message);
}

/** An error with the details of google.rpc that are given by name. */
function failure(code: grpc.status, details: Record<string, object> = {}): Partial<grpc.ServiceError> {
  const metadata = new grpc.Metadata();
  const packed = Object.entries(details).map(([name, detail]) => ({
    type_url: `type.googleapis.com/google.rpc.${name}`,
    value: serialize(`google.rpc.${name}`, detail),
  }));
  metadata.set("grpc-status-details-bin", serialize("google.rpc.Status", { code, details: packed }));
  return { code, details: "what is wrong", metadata };
}

const running: { close(): void }[] = [];
after(() => running.forEach((one) => one.close()));

/** A server that fails its first calls, then succeeds, and a client of it. */
async function serve(
  failures: Partial<grpc.ServiceError>[],
  { answer = Buffer.from("image"), options = channelOptions } = {},
): Promise<{ client: EncodingServiceClient; calls: () => number }> {
  let calls = 0;
  const server = new grpc.Server({ "grpc.max_receive_message_length": -1 });
  server.addService(EncodingService.service, {
    Encode: (_: unknown, done: grpc.sendUnaryData<object>) => {
      const error = failures[calls++];
      error ? done(error) : done(null, { image: answer });
    },
    EncodeStream: (call: grpc.ServerDuplexStream<object, object>) => {
      call.resume();
      call.write({ progress: { stage: "STAGE_ACCEPTED" } });
      const error = failures[calls++];
      if (error) {
        call.emit("error", error);
        return;
      }
      call.write({ result: {} });
      call.write({ chunk: answer });
      call.end();
    },
  });
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    ),
  );
  const client = new EncodingService(`127.0.0.1:${port}`, grpc.credentials.createInsecure(), options);
  running.push(client, { close: () => server.forceShutdown() });
  return { client, calls: () => calls };
}

const codeOf = (call: Promise<unknown>): Promise<grpc.status> =>
  call.then(
    () => grpc.status.OK,
    (error) => (isServiceError(error) ? error.code : Promise.reject(error)),
  );

const { "grpc.service_config": config, ...limits } = channelOptions;
const onlyConfig = { "grpc.service_config": config };

test("the service config retries photographs, with a larger buffer", async () => {
  const unavailable = { code: grpc.status.UNAVAILABLE };
  const ours = await serve([unavailable]);
  assert.equal(await codeOf(encode(ours.client, { image }, inAMinute())), grpc.status.OK);
  assert.equal(ours.calls(), 2);
  const small = await serve([unavailable], { options: onlyConfig });
  assert.equal(await codeOf(encode(small.client, { image }, inAMinute())), grpc.status.UNAVAILABLE);
});

test("answers over 4 MiB need a higher limit", async () => {
  const answer = Buffer.alloc(5 * 2 ** 20);
  const small = await serve([], { answer, options: onlyConfig });
  assert.equal(
    await codeOf(encode(small.client, { image }, inAMinute())),
    grpc.status.RESOURCE_EXHAUSTED,
  );
  const ours = await serve([], { answer, options: limits });
  assert.equal((await encode(ours.client, { image }, inAMinute())).image?.length, answer.length);
});

test("retry waits for a full server and gives up on other errors", async () => {
  const full = failure(grpc.status.RESOURCE_EXHAUSTED, { RetryInfo: { retryDelay: { nanos: 2e7 } } });
  for (const [failures, code, calls] of [
    [[full, full], grpc.status.OK, 3],
    [[full, full, full, full, full], grpc.status.RESOURCE_EXHAUSTED, 5],
    [[failure(grpc.status.RESOURCE_EXHAUSTED)], grpc.status.RESOURCE_EXHAUSTED, 1],
    [[failure(grpc.status.INVALID_ARGUMENT)], grpc.status.INVALID_ARGUMENT, 1],
  ] as const) {
    const server = await serve([...failures]);
    const call = retry(inAMinute(), () => encode(server.client, { image }, inAMinute()));
    assert.equal(await codeOf(call), code);
    assert.equal(server.calls(), calls);
  }
});

test("a lost stream is repeated once", async () => {
  const lost = failure(grpc.status.UNAVAILABLE);
  const here = new URL(import.meta.url).pathname;
  for (const [failures, image] of [[[lost], "image"], [[lost, lost], undefined]] as const) {
    const server = await serve([...failures]);
    const call = retry(inAMinute(), () => encodeFile(server.client, here, {}, inAMinute(), () => {}));
    assert.equal((await call.catch(() => undefined))?.image?.toString(), image);
    assert.equal(server.calls(), 2);
  }
});

test("a refused stream reports the server's error, and a missing file its own", async () => {
  const invalid = failure(grpc.status.INVALID_ARGUMENT);
  const { client } = await serve([invalid, invalid]);
  const here = new URL(import.meta.url).pathname;
  const send = (path: string) => encodeFile(client, path, {}, inAMinute(), () => {});
  assert.equal(await codeOf(send(here)), grpc.status.INVALID_ARGUMENT);
  await assert.rejects(send(`${here}.missing`), { code: "ENOENT" });
});

test("explain names reason, fields and request", async () => {
  const { client } = await serve([
    failure(grpc.status.INVALID_ARGUMENT, {
      ErrorInfo: { reason: "INVALID_FIELD" },
      BadRequest: { fieldViolations: [{ field: "quality", description: "1 to 100" }, { field: "background" }] },
      RequestInfo: { requestId: "abc" },
    }),
  ]);
  await assert.rejects(encode(client, { image }, inAMinute()), (error) => {
    assert.ok(isServiceError(error));
    const text = explain(error);
    for (const part of ["INVALID_ARGUMENT", "INVALID_FIELD", "field quality: 1 to 100", "field background", "abc"]) {
      assert.ok(text.includes(part), text);
    }
    return true;
  });
});

test("proto-loader drops a misspelt field without an error: only the types notice it", () => {
  const misspelt = { format: "FORMAT_WEBP", auto_qualty: { method: "METHOD_SIZE" } };
  const type = definition["autoquality.v1.EncodeRequest"] as MessageTypeDefinition<object, object>;
  assert.deepEqual({ ...type.deserialize(type.serialize(misspelt)) }, { format: "FORMAT_WEBP" });
});
