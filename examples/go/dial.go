package main

import (
	"context"
	"os"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
)

// The server accepts and returns whole images: a library's default limits are too small for them.
const maxMessageBytes = 64 << 20

// dial connects to target. tokenFile is empty for a server without tokens.
func dial(target string, security credentials.TransportCredentials, tokenFile, serviceConfig string) (*grpc.ClientConn, error) {
	options := append(limits(serviceConfig), grpc.WithTransportCredentials(security))
	if tokenFile != "" {
		token, err := os.ReadFile(tokenFile)
		if err != nil {
			return nil, err
		}
		options = append(options, grpc.WithPerRPCCredentials(bearer(strings.TrimSpace(string(token)))))
	}
	return grpc.NewClient(target, options...)
}

// security returns TLS, or none if plaintext. caFile has the certificate of the server's
// authority. If it is empty, the authorities of the system count.
func security(plaintext bool, caFile string) (credentials.TransportCredentials, error) {
	if plaintext {
		return insecure.NewCredentials(), nil
	}
	if caFile == "" {
		return credentials.NewTLS(nil), nil
	}
	return credentials.NewClientTLSFromFile(caFile, "")
}

// limits are the options that every client of this service needs.
func limits(serviceConfig string) []grpc.DialOption {
	return []grpc.DialOption{
		grpc.WithDefaultServiceConfig(serviceConfig),
		grpc.WithDefaultCallOptions(
			// Default: 4 MiB. A larger answer fails with RESOURCE_EXHAUSTED.
			grpc.MaxCallRecvMsgSize(maxMessageBytes),
			// Default: 256 KiB. gRPC does not retry a call with a larger request.
			grpc.MaxRetryRPCBufferSize(maxMessageBytes),
		),
	}
}

// bearer sends a token with every call, and refuses connections without TLS.
type bearer string

func (token bearer) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	return map[string]string{"authorization": "Bearer " + string(token)}, nil
}

func (bearer) RequireTransportSecurity() bool { return true }
