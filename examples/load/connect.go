package main

import (
	"context"
	"os"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
)

const maxMessageBytes = 64 << 20

// server is an address, and what callers need to be let in.
type server struct {
	address   string
	plaintext bool
	ca        string // certificate of the authority; empty for those of the system
	tokenFile string // empty for a server without tokens
}

// connect opens a connection. It does not retry: a lost call counts as lost.
func (server server) connect() (*grpc.ClientConn, error) {
	security := insecure.NewCredentials()
	if !server.plaintext {
		security = credentials.NewTLS(nil)
		if server.ca != "" {
			var err error
			if security, err = credentials.NewClientTLSFromFile(server.ca, ""); err != nil {
				return nil, err
			}
		}
	}
	options := []grpc.DialOption{
		grpc.WithTransportCredentials(security),
		grpc.WithDisableRetry(),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxMessageBytes)),
	}
	if server.tokenFile != "" {
		token, err := os.ReadFile(server.tokenFile)
		if err != nil {
			return nil, err
		}
		options = append(options, grpc.WithPerRPCCredentials(bearer(strings.TrimSpace(string(token)))))
	}
	return grpc.NewClient(server.address, options...)
}

// bearer sends a token with every call, and refuses connections without TLS.
type bearer string

func (token bearer) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	return map[string]string{"authorization": "Bearer " + string(token)}, nil
}

func (bearer) RequireTransportSecurity() bool { return true }
