package example.autoquality;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.protobuf.Any;
import com.google.protobuf.ByteString;
import com.google.protobuf.Duration;
import com.google.protobuf.Message;
import com.google.rpc.BadRequest;
import com.google.rpc.BadRequest.FieldViolation;
import com.google.rpc.ErrorInfo;
import com.google.rpc.RequestInfo;
import com.google.rpc.RetryInfo;
import dev.autoquality.v1.EncodeProgress;
import dev.autoquality.v1.EncodeRequest;
import dev.autoquality.v1.EncodeResponse;
import dev.autoquality.v1.EncodeStreamRequest;
import dev.autoquality.v1.EncodeStreamResponse;
import dev.autoquality.v1.EncodingServiceGrpc;
import io.grpc.Context;
import io.grpc.Deadline;
import io.grpc.Grpc;
import io.grpc.InsecureServerCredentials;
import io.grpc.ManagedChannel;
import io.grpc.ManagedChannelBuilder;
import io.grpc.Server;
import io.grpc.Status.Code;
import io.grpc.StatusRuntimeException;
import io.grpc.protobuf.StatusProto;
import io.grpc.stub.StreamObserver;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import java.util.logging.Level;
import java.util.logging.Logger;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ClientTest {
  /** It logs each frame of an answer that is too large. */
  private static final Logger GRPC = Logger.getLogger("io.grpc");

  private static final StatusRuntimeException UNAVAILABLE = failure(Code.UNAVAILABLE);
  private static final EncodeRequest PHOTOGRAPH =
      EncodeRequest.newBuilder().setImage(ByteString.copyFrom(new byte[2 << 20])).build();

  private final List<Server> servers = new ArrayList<>();
  private final List<ManagedChannel> channels = new ArrayList<>();

  @BeforeAll
  static void quiet() {
    GRPC.setLevel(Level.SEVERE);
  }

  @AfterEach
  void stop() {
    channels.forEach(ManagedChannel::shutdownNow);
    servers.forEach(Server::shutdownNow);
  }

  /** Fails its first calls with the errors given, then succeeds. */
  private static final class Scripted extends EncodingServiceGrpc.EncodingServiceImplBase {
    final List<StatusRuntimeException> failures;
    final byte[] answer;
    int calls;
    Deadline deadline;

    Scripted(byte[] answer, StatusRuntimeException... failures) {
      this.answer = answer;
      this.failures = List.of(failures);
    }

    private StatusRuntimeException next() {
      deadline = Context.current().getDeadline();
      return calls++ < failures.size() ? failures.get(calls - 1) : null;
    }

    @Override
    public void encode(EncodeRequest request, StreamObserver<EncodeResponse> response) {
      var failure = next();
      if (failure != null) {
        response.onError(failure);
        return;
      }
      response.onNext(EncodeResponse.newBuilder().setImage(ByteString.copyFrom(answer)).build());
      response.onCompleted();
    }

    @Override
    public StreamObserver<EncodeStreamRequest> encodeStream(
        StreamObserver<EncodeStreamResponse> response) {
      var accepted = EncodeProgress.newBuilder().setStage(EncodeProgress.Stage.STAGE_ACCEPTED);
      response.onNext(EncodeStreamResponse.newBuilder().setProgress(accepted).build());
      var failure = next();
      if (failure != null) {
        response.onError(failure);
      }
      return new StreamObserver<>() {
        private ByteString source = ByteString.EMPTY;

        @Override
        public void onNext(EncodeStreamRequest part) {
          source = source.concat(part.getChunk());
        }

        @Override
        public void onError(Throwable error) {}

        @Override
        public void onCompleted() {
          if (failure != null) {
            return;
          }
          var result = EncodeResponse.newBuilder().setSizeBytes(source.size());
          response.onNext(EncodeStreamResponse.newBuilder().setResult(result).build());
          var chunk = ByteString.copyFrom(answer);
          response.onNext(EncodeStreamResponse.newBuilder().setChunk(chunk).build());
          response.onCompleted();
        }
      };
    }
  }

  private static StatusRuntimeException failure(Code code, Message... details) {
    var status = com.google.rpc.Status.newBuilder().setCode(code.value()).setMessage("what is wrong");
    Stream.of(details).map(Any::pack).forEach(status::addDetails);
    return StatusProto.toStatusRuntimeException(status.build());
  }

  private ManagedChannelBuilder<?> channelTo(Scripted service) throws Exception {
    var server =
        Grpc.newServerBuilderForPort(0, InsecureServerCredentials.create())
            .addService(service)
            .maxInboundMessageSize(Connection.MAX_MESSAGE_BYTES)
            .build()
            .start();
    servers.add(server);
    return Grpc.newChannelBuilder("127.0.0.1:" + server.getPort(), Connection.plaintext());
  }

  private EncodingServiceGrpc.EncodingServiceBlockingStub blocking(ManagedChannelBuilder<?> builder) {
    var channel = builder.build();
    channels.add(channel);
    return EncodingServiceGrpc.newBlockingStub(channel);
  }

  /** A client with our options. */
  private EncodingServiceGrpc.EncodingServiceBlockingStub ours(Scripted service) throws Exception {
    return blocking(Connection.limits(channelTo(service), Connection.serviceConfig()));
  }

  /** A client with the service config and the library's limits. */
  private EncodingServiceGrpc.EncodingServiceBlockingStub small(Scripted service) throws Exception {
    return blocking(channelTo(service).defaultServiceConfig(Connection.serviceConfig()));
  }

  private static Code codeOf(Callable<?> call) throws Exception {
    try {
      call.call();
      return Code.OK;
    } catch (StatusRuntimeException error) {
      return error.getStatus().getCode();
    }
  }

  private static Deadline inAMinute() {
    return Deadline.after(1, TimeUnit.MINUTES);
  }

  @Test
  void theServiceConfigRetriesPhotographsAndSendsADeadline() throws Exception {
    var service = new Scripted(new byte[0], UNAVAILABLE);
    ours(service).encode(PHOTOGRAPH);
    assertEquals(2, service.calls);
    assertTrue(service.deadline.isBefore(Deadline.after(61, TimeUnit.SECONDS)));
  }

  @Test
  void withTheDefaultBufferPhotographsAreNotRetried() throws Exception {
    var service = new Scripted(new byte[0], UNAVAILABLE);
    var client = small(service);
    assertEquals(Code.UNAVAILABLE, codeOf(() -> client.encode(PHOTOGRAPH)));
    assertEquals(1, service.calls);
  }

  @Test
  void largeAnswersNeedAHigherLimit() throws Exception {
    var service = new Scripted(new byte[5 << 20]);
    var client = small(service);
    assertEquals(Code.RESOURCE_EXHAUSTED, codeOf(() -> client.encode(PHOTOGRAPH)));
    assertEquals(5 << 20, ours(service).encode(PHOTOGRAPH).getImage().size());
  }

  @Test
  void retryWaitsForAFullServerAndGivesUpOnOtherErrors() throws Exception {
    var delay = Duration.newBuilder().setNanos(20_000_000);
    var full =
        failure(Code.RESOURCE_EXHAUSTED, RetryInfo.newBuilder().setRetryDelay(delay).build());
    record Case(Code code, int calls, StatusRuntimeException... failures) {}
    for (var one :
        List.of(
            new Case(Code.OK, 3, full, full),
            new Case(Code.RESOURCE_EXHAUSTED, Errors.ATTEMPTS, full, full, full, full, full),
            new Case(Code.RESOURCE_EXHAUSTED, 1, failure(Code.RESOURCE_EXHAUSTED)),
            new Case(Code.INVALID_ARGUMENT, 1, failure(Code.INVALID_ARGUMENT)))) {
      var service = new Scripted(new byte[0], one.failures);
      var client = ours(service);
      assertEquals(
          one.code, codeOf(() -> Errors.retry(inAMinute(), () -> client.encode(PHOTOGRAPH))));
      assertEquals(one.calls, service.calls);
    }
  }

  private EncodeResponse stream(Scripted service, Path file) throws Exception {
    var stub = EncodingServiceGrpc.newStub(ours(service).getChannel());
    var request = EncodeRequest.getDefaultInstance();
    return Errors.retry(
        inAMinute(), () -> Encoding.encodeFile(stub, file, request, progress -> {}));
  }

  private static Path largeFile(Path folder) throws Exception {
    return Files.write(folder.resolve("large.png"), new byte[8 << 20]);
  }

  @Test
  void aLostStreamIsRepeatedOnce(@TempDir Path folder) throws Exception {
    var file = largeFile(folder);
    var lostOnce = new Scripted("image".getBytes(), UNAVAILABLE);
    var answer = stream(lostOnce, file);
    assertEquals("image", answer.getImage().toStringUtf8());
    assertEquals(8 << 20, answer.getSizeBytes());
    assertEquals(2, lostOnce.calls);
    var lostTwice = new Scripted(new byte[0], UNAVAILABLE, UNAVAILABLE);
    assertEquals(Code.UNAVAILABLE, codeOf(() -> stream(lostTwice, file)));
    assertEquals(2, lostTwice.calls);
  }

  @Test
  void aRefusedStreamReportsTheServersErrorAndAMissingFileItsOwn(@TempDir Path folder)
      throws Exception {
    var refusing = new Scripted(new byte[0], failure(Code.INVALID_ARGUMENT));
    assertEquals(Code.INVALID_ARGUMENT, codeOf(() -> stream(refusing, largeFile(folder))));
    assertThrows(NoSuchFileException.class, () -> stream(refusing, folder.resolve("missing")));
  }

  @Test
  void explainNamesReasonFieldsAndRequest() {
    var wrong =
        BadRequest.newBuilder()
            .addFieldViolations(
                FieldViolation.newBuilder().setField("quality").setDescription("1 to 100"))
            .addFieldViolations(FieldViolation.newBuilder().setField("background"));
    var text =
        Errors.explain(
            failure(
                Code.INVALID_ARGUMENT,
                ErrorInfo.newBuilder().setReason("INVALID_FIELD").build(),
                wrong.build(),
                RequestInfo.newBuilder().setRequestId("abc").build()));
    for (var part :
        List.of("INVALID_ARGUMENT", "INVALID_FIELD", "field quality: 1 to 100", "background", "abc")) {
      assertTrue(text.contains(part), text);
    }
  }

  @Test
  void aTokenIsNotSentWithoutTls(@TempDir Path folder) throws Exception {
    var service = new Scripted(new byte[0]);
    var bearer = Connection.bearer(Files.writeString(folder.resolve("token"), "not secret"));
    var client = ours(service).withCallCredentials(bearer);
    assertEquals(Code.UNAUTHENTICATED, codeOf(() -> client.encode(PHOTOGRAPH)));
    assertEquals(0, service.calls);
  }
}
