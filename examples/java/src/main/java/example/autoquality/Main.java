package example.autoquality;

import com.google.protobuf.ByteString;
import dev.autoquality.v1.AutoQuality;
import dev.autoquality.v1.EncodeProgress;
import dev.autoquality.v1.EncodeRequest;
import dev.autoquality.v1.EncodeResponse;
import dev.autoquality.v1.EncodingServiceGrpc;
import io.grpc.Deadline;
import io.grpc.ManagedChannel;
import io.grpc.StatusRuntimeException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;

/** Encodes a photograph by score and by size, streams a large one, and shows how errors arrive. */
public final class Main {
  private static final String USAGE =
      "usage: java -jar autoquality-client.jar [--server=HOST:PORT] [--plaintext | --ca=FILE]"
          + " [--token-file=FILE] PHOTOGRAPH LARGE-PHOTOGRAPH";

  private static final Set<String> OPTIONS = Set.of("server", "plaintext", "ca", "token-file");

  private Main() {}

  public static void main(String[] args) throws Exception {
    Map<String, String> options = new HashMap<>();
    List<Path> files = new ArrayList<>();
    for (String arg : args) {
      if (arg.startsWith("--")) {
        String[] parts = arg.substring(2).split("=", 2);
        if (!OPTIONS.contains(parts[0])) {
          System.err.println("unknown option " + arg + "; " + USAGE);
          System.exit(2);
        }
        options.put(parts[0], parts.length == 2 ? parts[1] : "");
      } else {
        files.add(Path.of(arg));
      }
    }
    if (files.size() != 2) {
      System.err.println(USAGE);
      System.exit(2);
    }
    var ca = options.containsKey("ca") ? Path.of(options.get("ca")) : null;
    var security = options.containsKey("plaintext") ? Connection.plaintext() : Connection.tls(ca);
    var server = options.getOrDefault("server", "localhost:50051");
    var channel = Connection.open(server, security, Connection.serviceConfig());
    try {
      run(channel, options.get("token-file"), files.get(0), files.get(1));
    } catch (StatusRuntimeException error) {
      System.err.println(Errors.explain(error));
      System.exit(1);
    } catch (IOException error) {
      System.err.println(error); // with its class: the message may be only the name of a file
      System.exit(1);
    } finally {
      channel.shutdownNow().awaitTermination(5, TimeUnit.SECONDS);
    }
  }

  private static void run(ManagedChannel channel, String tokenFile, Path photograph, Path large)
      throws Exception {
    // The server uses the time that is left for its search. A deadline is a point in time: a
    // service needs a new one for each image.
    var deadline = Deadline.after(60, TimeUnit.SECONDS);
    var token = tokenFile == null ? null : Connection.bearer(Path.of(tokenFile));
    var client =
        EncodingServiceGrpc.newBlockingStub(channel).withDeadline(deadline).withCallCredentials(token);
    var streaming =
        EncodingServiceGrpc.newStub(channel).withDeadline(deadline).withCallCredentials(token);

    var image = ByteString.copyFrom(Files.readAllBytes(photograph));
    for (var request : List.of(Encoding.byScore(), Encoding.bySize(50_000))) {
      EncodeRequest complete = request.setImage(image).build();
      report(Errors.retry(deadline, () -> client.encode(complete)));
    }
    report(
        Errors.retry(
            deadline,
            () -> Encoding.encodeFile(streaming, large, Encoding.byScore().build(), Main::show)));

    var wrong =
        Encoding.byScore()
            .setImage(image)
            .setBackground("white") // #ffffff
            .setAutoQuality(AutoQuality.newBuilder().setMinQuality(0)); // 1 to 100
    try {
      client.encode(wrong.build());
    } catch (StatusRuntimeException error) {
      System.out.println(Errors.explain(error));
    }
  }

  private static void show(EncodeProgress progress) {
    if (progress.hasProbe()) {
      var probe = progress.getProbe();
      System.out.printf("  tried quality %d: %d bytes%n", probe.getQuality(), probe.getSizeBytes());
    } else {
      System.out.println("  " + progress.getStage());
    }
  }

  private static void report(EncodeResponse answer) {
    System.out.printf(
        "%s: quality %d, %d bytes, %s after %d encodings%n",
        answer.getFormat(),
        answer.getQuality(),
        answer.getImage().size(),
        answer.getOutcome(),
        answer.getIterations());
  }
}
