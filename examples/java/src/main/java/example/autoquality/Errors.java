package example.autoquality;

import com.google.protobuf.Any;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.Message;
import com.google.rpc.BadRequest;
import com.google.rpc.ErrorInfo;
import com.google.rpc.RequestInfo;
import com.google.rpc.RetryInfo;
import io.grpc.Deadline;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.protobuf.StatusProto;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;

/** Details of failed calls, and when to repeat one. */
final class Errors {
  static final int ATTEMPTS = 5;

  private Errors() {}

  /** The detail of this type. An error that comes from gRPC itself, or from a proxy, has none. */
  static <T extends Message> Optional<T> detail(Throwable error, Class<T> type) {
    var status = StatusProto.fromThrowable(error);
    if (status == null) {
      return Optional.empty();
    }
    return status.getDetailsList().stream()
        .filter(detail -> detail.is(type))
        .findFirst()
        .map(detail -> unpack(detail, type));
  }

  private static <T extends Message> T unpack(Any detail, Class<T> type) {
    try {
      return detail.unpack(type);
    } catch (InvalidProtocolBufferException error) {
      throw new IllegalArgumentException("a detail of an error is damaged", error);
    }
  }

  /**
   * Repeats a call while the server is full, and once if the call was lost.
   *
   * <p>The service config repeats lost calls too, but no stream after its first answer. It cannot
   * repeat calls to a full server, because it cannot tell RESOURCE_EXHAUSTED with RetryInfo from a
   * message that is too large. An encoding has no side effects, so both are safe.
   */
  static <T> T retry(Deadline deadline, Callable<T> call) throws Exception {
    for (int attempt = 1; ; attempt++) {
      try {
        return call.call();
      } catch (StatusRuntimeException error) {
        var delay = retryDelay(error, attempt);
        if (delay.isEmpty() || attempt == ATTEMPTS) {
          throw error;
        }
        // Callers that were refused together must not return together.
        long millis = (long) (delay.get().toMillis() * ThreadLocalRandom.current().nextDouble(1, 1.25));
        if (millis > deadline.timeRemaining(TimeUnit.MILLISECONDS)) {
          throw error;
        }
        Thread.sleep(millis);
      }
    }
  }

  /** The time to wait after a failed attempt, or empty to give up. */
  private static Optional<Duration> retryDelay(StatusRuntimeException error, int attempt) {
    var full = detail(error, RetryInfo.class).map(RetryInfo::getRetryDelay);
    if (full.isPresent()) {
      return full.map(delay -> Duration.ofSeconds(delay.getSeconds(), delay.getNanos()));
    }
    boolean lost = error.getStatus().getCode() == Status.Code.UNAVAILABLE && attempt == 1;
    return lost ? Optional.of(Duration.ofMillis(250)) : Optional.empty();
  }

  /** Describes a failed call for people: its reason, its wrong fields and its request id. */
  static String explain(StatusRuntimeException error) {
    List<String> lines = new ArrayList<>();
    lines.add(error.getStatus().getCode() + ": " + error.getStatus().getDescription());
    detail(error, ErrorInfo.class).ifPresent(info -> lines.add("reason: " + info.getReason()));
    detail(error, BadRequest.class)
        .ifPresent(
            request ->
                request
                    .getFieldViolationsList()
                    .forEach(one -> lines.add("field " + one.getField() + ": " + one.getDescription())));
    detail(error, RequestInfo.class).ifPresent(info -> lines.add("request id: " + info.getRequestId()));
    return String.join("\n  ", lines);
  }
}
