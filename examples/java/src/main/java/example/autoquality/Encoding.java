package example.autoquality;

import com.google.protobuf.ByteString;
import dev.autoquality.v1.AutoQuality;
import dev.autoquality.v1.EncodeProgress;
import dev.autoquality.v1.EncodeRequest;
import dev.autoquality.v1.EncodeResponse;
import dev.autoquality.v1.EncodeStreamRequest;
import dev.autoquality.v1.EncodeStreamResponse;
import dev.autoquality.v1.EncodeStreamStart;
import dev.autoquality.v1.EncodingServiceGrpc.EncodingServiceStub;
import dev.autoquality.v1.Format;
import dev.autoquality.v1.Method;
import io.grpc.Status;
import io.grpc.stub.ClientCallStreamObserver;
import io.grpc.stub.ClientResponseObserver;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.function.Consumer;

/** What to ask for, and streams. */
final class Encoding {
  /** Limits.max_chunk_bytes is 4 MiB by default. Smaller chunks show their progress sooner. */
  private static final int CHUNK_BYTES = 1 << 20;

  private Encoding() {}

  /** A WebP that looks as good as the score says: 70 is "high". */
  static EncodeRequest.Builder byScore() {
    return EncodeRequest.newBuilder()
        .setFormat(Format.FORMAT_WEBP)
        .setAutoQuality(
            AutoQuality.newBuilder().setMethod(Method.METHOD_SSIMULACRA2).setTarget(70));
  }

  /** The best JPEG of at most so many bytes. */
  static EncodeRequest.Builder bySize(int bytes) {
    return EncodeRequest.newBuilder()
        .setFormat(Format.FORMAT_JPEG)
        .setAutoQuality(AutoQuality.newBuilder().setMethod(Method.METHOD_SIZE).setTarget(bytes));
  }

  /**
   * Streams a file of any size. The answer has its image like that of Encode.
   *
   * @param progress gets each step and, once the server encodes, each encoding
   * @throws IOException if the file cannot be read
   * @throws io.grpc.StatusRuntimeException if the call fails
   */
  static EncodeResponse encodeFile(
      EncodingServiceStub stub, Path path, EncodeRequest request, Consumer<EncodeProgress> progress)
      throws IOException, InterruptedException {
    try (InputStream source = Files.newInputStream(path)) {
      var start = EncodeStreamStart.newBuilder().setRequest(request).setSourceBytes(Files.size(path));
      var call = new StreamedCall(start.build(), source, progress);
      stub.encodeStream(call);
      return call.answer.get();
    } catch (ExecutionException error) {
      if (error.getCause() instanceof IOException unreadable) {
        throw unreadable;
      }
      throw Status.fromThrowable(error.getCause()).asRuntimeException(Status.trailersFromThrowable(error));
    }
  }

  /** Sends the source as fast as the server receives it, and collects the answer. */
  private static final class StreamedCall
      implements ClientResponseObserver<EncodeStreamRequest, EncodeStreamResponse> {
    final CompletableFuture<EncodeResponse> answer = new CompletableFuture<>();

    private final EncodeStreamStart start;
    private final InputStream source;
    private final Consumer<EncodeProgress> progress;
    private ClientCallStreamObserver<EncodeStreamRequest> upload;
    private boolean started;
    private boolean sent;
    private EncodeResponse result;
    private ByteString image = ByteString.EMPTY;

    StreamedCall(EncodeStreamStart start, InputStream source, Consumer<EncodeProgress> progress) {
      this.start = start;
      this.source = source;
      this.progress = progress;
    }

    @Override
    public void beforeStart(ClientCallStreamObserver<EncodeStreamRequest> upload) {
      this.upload = upload;
      // onNext never waits: without this handler, the whole file would be in memory.
      upload.setOnReadyHandler(this::send);
    }

    private void send() {
      if (!started) {
        started = true;
        upload.onNext(EncodeStreamRequest.newBuilder().setStart(start).build());
      }
      while (!sent && upload.isReady()) {
        try {
          byte[] chunk = source.readNBytes(CHUNK_BYTES);
          if (chunk.length == 0) {
            sent = true;
            upload.onCompleted();
          } else {
            var part = EncodeStreamRequest.newBuilder().setChunk(ByteString.copyFrom(chunk));
            upload.onNext(part.build());
          }
        } catch (IOException error) {
          sent = true;
          answer.completeExceptionally(error);
          upload.cancel("the file cannot be read", error);
        }
      }
    }

    @Override
    public void onNext(EncodeStreamResponse message) {
      switch (message.getPartCase()) {
        case PROGRESS -> progress.accept(message.getProgress());
        case RESULT -> result = message.getResult();
        case CHUNK -> image = image.concat(message.getChunk());
        default -> {} // a newer server may send more
      }
    }

    @Override
    public void onError(Throwable error) {
      answer.completeExceptionally(error);
    }

    @Override
    public void onCompleted() {
      if (result == null) {
        answer.completeExceptionally(new IOException("the stream ended without a result"));
      } else {
        answer.complete(result.toBuilder().setImage(image).build());
      }
    }
  }
}
