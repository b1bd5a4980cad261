package example.autoquality;

import com.google.gson.Gson;
import io.grpc.CallCredentials;
import io.grpc.ChannelCredentials;
import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.ManagedChannel;
import io.grpc.ManagedChannelBuilder;
import io.grpc.Metadata;
import io.grpc.SecurityLevel;
import io.grpc.Status;
import io.grpc.TlsChannelCredentials;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.Reader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.Executor;

/** Connects to a server. */
final class Connection {
  /** The server accepts and returns whole images: a library's default limits are too small. */
  static final int MAX_MESSAGE_BYTES = 64 << 20;

  private Connection() {}

  static ManagedChannel open(String target, ChannelCredentials security, Map<String, ?> serviceConfig) {
    return limits(Grpc.newChannelBuilder(target, security), serviceConfig).build();
  }

  /** TLS. Without {@code ca}, the certificate of the server's authority, those of Java count. */
  static ChannelCredentials tls(Path ca) throws IOException {
    var tls = TlsChannelCredentials.newBuilder();
    return ca == null ? tls.build() : tls.trustManager(ca.toFile()).build();
  }

  /** No TLS, for a server on this machine. */
  static ChannelCredentials plaintext() {
    return InsecureChannelCredentials.create();
  }

  /** The options that every client of this service needs. */
  static ManagedChannelBuilder<?> limits(
      ManagedChannelBuilder<?> channel, Map<String, ?> serviceConfig) {
    return channel
        .defaultServiceConfig(serviceConfig)
        // Default: 4 MiB. A larger answer fails with RESOURCE_EXHAUSTED.
        .maxInboundMessageSize(MAX_MESSAGE_BYTES)
        // Defaults: 1 MiB a call, 16 MiB in all. gRPC does not retry a call with a larger request.
        .perRpcBufferLimit(MAX_MESSAGE_BYTES)
        .retryBufferSize(4L * MAX_MESSAGE_BYTES);
  }

  /** Gson reads numbers as Double, which gRPC requires. */
  @SuppressWarnings("unchecked")
  static Map<String, ?> serviceConfig(Reader json) {
    return new Gson().fromJson(json, Map.class);
  }

  /** The service config of the contract, which the build copies into the program. */
  static Map<String, ?> serviceConfig() {
    var resource = Connection.class.getResourceAsStream("/service-config.json");
    try (var json = new InputStreamReader(resource, StandardCharsets.UTF_8)) {
      return serviceConfig(json);
    } catch (IOException error) {
      throw new UncheckedIOException(error);
    }
  }

  /** Sends a token with every call, and refuses connections without TLS. */
  static CallCredentials bearer(Path tokenFile) throws IOException {
    String token = Files.readString(tokenFile).strip();
    var key = Metadata.Key.of("authorization", Metadata.ASCII_STRING_MARSHALLER);
    return new CallCredentials() {
      @Override
      public void applyRequestMetadata(RequestInfo call, Executor executor, MetadataApplier apply) {
        if (call.getSecurityLevel() != SecurityLevel.PRIVACY_AND_INTEGRITY) {
          apply.fail(Status.UNAUTHENTICATED.withDescription("a token needs TLS"));
          return;
        }
        var headers = new Metadata();
        headers.put(key, "Bearer " + token);
        apply.apply(headers);
      }
    };
  }
}
