import { readFileSync } from "node:fs";
import * as grpc from "@grpc/grpc-js";
import * as protoLoader from "@grpc/proto-loader";

import type { EncodingServiceClient } from "./gen/autoquality/v1/EncodingService.js";
import type { ProtoGrpcType } from "./gen/encoding.js";

export const protos = new URL("../protos/", import.meta.url).pathname;

// These options must agree with those of the script "generate" in package.json.
export const definition = protoLoader.loadSync(
  ["autoquality/v1/encoding.proto", "google/rpc/status.proto", "google/rpc/error_details.proto"],
  { includeDirs: [protos], longs: Number, enums: String, oneofs: true, json: true },
);
export const loaded = grpc.loadPackageDefinition(definition) as unknown as ProtoGrpcType;

const maxMessageBytes = 64 * 2 ** 20;

/** The options that every client of this service needs: library defaults are for small messages. */
export const channelOptions: grpc.ChannelOptions = {
  // Default: 4 MiB. A larger answer fails with RESOURCE_EXHAUSTED.
  "grpc.max_receive_message_length": maxMessageBytes,
  // Defaults: 1 MiB a call, 16 MiB in all. gRPC does not retry a call with a larger request.
  "grpc.per_rpc_retry_buffer_size": maxMessageBytes,
  "grpc.retry_buffer_size": 4 * maxMessageBytes,
  "grpc.service_config": readFileSync(`${protos}service-config.json`, "utf8"),
};

/** Connect to `target`. Without `ca`, the authorities of Node count. */
export function connect(
  target: string,
  security: { plaintext: boolean; ca?: string | undefined; tokenFile?: string | undefined },
): EncodingServiceClient {
  const { EncodingService } = loaded.autoquality.v1;
  if (security.plaintext) {
    if (security.tokenFile) throw new Error("a token needs TLS");
    return new EncodingService(target, grpc.credentials.createInsecure(), channelOptions);
  }
  const tls = grpc.credentials.createSsl(security.ca ? readFileSync(security.ca) : null);
  if (!security.tokenFile) return new EncodingService(target, tls, channelOptions);
  const token = readFileSync(security.tokenFile, "utf8").trim();
  const bearer = grpc.credentials.createFromMetadataGenerator((_, done) => {
    const metadata = new grpc.Metadata();
    metadata.set("authorization", `Bearer ${token}`);
    done(null, metadata);
  });
  const both = grpc.credentials.combineChannelCredentials(tls, bearer);
  return new EncodingService(target, both, channelOptions);
}
