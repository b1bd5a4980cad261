import { setTimeout as sleep } from "node:timers/promises";
import { status, type ServiceError } from "@grpc/grpc-js";
import type { AnyExtension, MessageTypeDefinition } from "@grpc/proto-loader";

import { definition } from "./client.js";
import type { BadRequest__Output } from "./gen/google/rpc/BadRequest.js";
import type { ErrorInfo__Output } from "./gen/google/rpc/ErrorInfo.js";
import type { RequestInfo__Output } from "./gen/google/rpc/RequestInfo.js";
import type { RetryInfo__Output } from "./gen/google/rpc/RetryInfo.js";
import type { Status, Status__Output } from "./gen/google/rpc/Status.js";

/** The details of a failed call, by the name of their message in google.rpc. */
export interface Details {
  ErrorInfo?: ErrorInfo__Output;
  BadRequest?: BadRequest__Output;
  RetryInfo?: RetryInfo__Output;
  RequestInfo?: RequestInfo__Output;
}

const statusType = definition["google.rpc.Status"] as MessageTypeDefinition<Status, Status__Output>;

export function isServiceError(error: unknown): error is ServiceError {
  return error instanceof Error && "metadata" in error && "code" in error;
}

/** Read the details. An error that comes from gRPC itself, or from a proxy, has none. */
export function detailsOf(error: ServiceError): Details {
  const [bytes] = error.metadata.get("grpc-status-details-bin");
  if (!Buffer.isBuffer(bytes)) return {};
  const details = (statusType.deserialize(bytes).details ?? []) as AnyExtension[];
  return Object.fromEntries(details.map((detail) => [detail["@type"].split(".").pop(), detail]));
}

/** Describe a failed call for people: its reason, its wrong fields and its request id. */
export function explain(error: ServiceError): string {
  const { ErrorInfo, BadRequest, RequestInfo } = detailsOf(error);
  return [
    `${status[error.code]}: ${error.details}`,
    ErrorInfo && `reason: ${ErrorInfo.reason}`,
    ...(BadRequest?.fieldViolations ?? []).map((one) => `field ${one.field}: ${one.description}`),
    RequestInfo && `request id: ${RequestInfo.requestId}`,
  ]
    .filter(Boolean)
    .join("\n  ");
}

const attempts = 5;

/**
 * Repeat a call while the server is full, and once if the call was lost.
 *
 * The service config repeats lost calls too, but no stream after its first answer. It cannot repeat
 * calls to a full server, because it cannot tell RESOURCE_EXHAUSTED with RetryInfo from a message
 * that is too large. An encoding has no side effects, so both are safe.
 */
export async function retry<T>(deadline: Date, call: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await call();
    } catch (error) {
      const delay = retryDelay(error, attempt);
      if (delay === undefined || attempt === attempts) throw error;
      // Callers that were refused together must not return together.
      const wait = delay * (1 + Math.random() / 4);
      if (Date.now() + wait > deadline.getTime()) throw error;
      await sleep(wait);
    }
  }
}

/** Return the milliseconds to wait after a failed attempt, or undefined to give up. */
function retryDelay(error: unknown, attempt: number): number | undefined {
  if (!isServiceError(error)) return undefined;
  const delay = detailsOf(error).RetryInfo?.retryDelay;
  if (delay) return (delay.seconds ?? 0) * 1000 + (delay.nanos ?? 0) / 1e6;
  return error.code === status.UNAVAILABLE && attempt === 1 ? 250 : undefined;
}
