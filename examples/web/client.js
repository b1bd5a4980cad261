// gRPC-Web through the proxy of deploy/http, from a browser or from Node.js.
import { ConnectError, createClient } from "@connectrpc/connect";
import { createGrpcWebTransport } from "@connectrpc/connect-web";

import { EncodingService, Format, Method } from "./gen/autoquality/v1/encoding_pb.js";
import { BadRequestSchema, ErrorInfoSchema } from "./gen/google/rpc/error_details_pb.js";

/** Connect to a proxy, such as https://images.example. Its server has the deadline of each call. */
export function connect(baseUrl, token) {
  const bearer = (next) => (request) => {
    if (token) request.header.set("authorization", `Bearer ${token}`);
    return next(request);
  };
  const transport = createGrpcWebTransport({ baseUrl, interceptors: [bearer], defaultTimeoutMs: 60_000 });
  return createClient(EncodingService, transport);
}

/** A WebP that looks as good as the score says: 70 is "high". */
export const byScore = (image) => ({
  source: { case: "image", value: image },
  format: Format.WEBP,
  autoQuality: { method: Method.SSIMULACRA2, target: 70 },
});

/** The reason of a failed call and its wrong fields. An error of the proxy itself has neither. */
export function detailsOf(error) {
  const failure = ConnectError.from(error);
  return {
    reason: failure.findDetails(ErrorInfoSchema)[0]?.reason,
    fields: failure.findDetails(BadRequestSchema).flatMap((one) => one.fieldViolations),
  };
}
