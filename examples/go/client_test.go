package main

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/protoadapt"
	"google.golang.org/protobuf/types/known/durationpb"

	pb "example.com/autoquality-client/gen/autoqualityv1"
)

// scripted fails its first calls with the errors given, then succeeds.
type scripted struct {
	pb.UnimplementedEncodingServiceServer
	failures []error
	answer   []byte
	calls    int
	deadline time.Time
}

func (server *scripted) next(ctx context.Context) error {
	server.calls++
	server.deadline, _ = ctx.Deadline()
	if server.calls <= len(server.failures) {
		return server.failures[server.calls-1]
	}
	return nil
}

func (server *scripted) Encode(ctx context.Context, _ *pb.EncodeRequest) (*pb.EncodeResponse, error) {
	if err := server.next(ctx); err != nil {
		return nil, err
	}
	return &pb.EncodeResponse{Image: server.answer}, nil
}

func (server *scripted) EncodeStream(stream grpc.BidiStreamingServer[pb.EncodeStreamRequest, pb.EncodeStreamResponse]) error {
	accepted := &pb.EncodeProgress{Stage: pb.EncodeProgress_STAGE_ACCEPTED}
	parts := []*pb.EncodeStreamResponse{
		{Part: &pb.EncodeStreamResponse_Progress{Progress: accepted}},
		{Part: &pb.EncodeStreamResponse_Result{Result: &pb.EncodeResponse{}}},
		{Part: &pb.EncodeStreamResponse_Chunk{Chunk: server.answer}},
	}
	err := server.next(stream.Context())
	if err != nil {
		parts = parts[:1]
	}
	for _, part := range parts {
		if err := stream.Send(part); err != nil {
			return err
		}
	}
	return err
}

// serve starts server and returns a client with these options.
func serve(t *testing.T, server *scripted, options ...grpc.DialOption) pb.EncodingServiceClient {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	running := grpc.NewServer(grpc.MaxRecvMsgSize(maxMessageBytes))
	pb.RegisterEncodingServiceServer(running, server)
	go running.Serve(listener)
	t.Cleanup(running.Stop)
	options = append(options, grpc.WithTransportCredentials(insecure.NewCredentials()))
	connection, err := grpc.NewClient(listener.Addr().String(), options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { connection.Close() })
	return pb.NewEncodingServiceClient(connection)
}

func serviceConfig(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../protos/service-config.json")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// failure is a status with details.
func failure(t *testing.T, code codes.Code, message string, details ...protoadapt.MessageV1) error {
	t.Helper()
	with, err := status.New(code, message).WithDetails(details...)
	if err != nil {
		t.Fatal(err)
	}
	return with.Err()
}

var unavailable = status.Error(codes.Unavailable, "the server shuts down")

var photograph = &pb.EncodeRequest{Source: &pb.EncodeRequest_Image{Image: make([]byte, 1<<20)}}

func TestTheServiceConfigRetriesPhotographs(t *testing.T) {
	server := &scripted{failures: []error{unavailable}}
	client := serve(t, server, limits(serviceConfig(t))...)
	if _, err := client.Encode(t.Context(), photograph); err != nil || server.calls != 2 {
		t.Fatalf("%d calls, %v", server.calls, err)
	}
	if left := time.Until(server.deadline); left > time.Minute || left < 30*time.Second {
		t.Errorf("the deadline is in %v", left)
	}
}

func TestWithTheDefaultBufferPhotographsAreNotRetried(t *testing.T) {
	server := &scripted{failures: []error{unavailable}}
	client := serve(t, server, grpc.WithDefaultServiceConfig(serviceConfig(t)))
	if _, err := client.Encode(t.Context(), photograph); status.Code(err) != codes.Unavailable || server.calls != 1 {
		t.Fatalf("%d calls, %v", server.calls, err)
	}
}

func TestLargeAnswersNeedAHigherLimit(t *testing.T) {
	server := &scripted{answer: make([]byte, 5<<20)}
	client := serve(t, server, grpc.WithDefaultServiceConfig(serviceConfig(t)))
	if _, err := client.Encode(t.Context(), photograph); status.Code(err) != codes.ResourceExhausted || server.calls != 1 {
		t.Fatalf("%d calls, %v", server.calls, err)
	}
	client = serve(t, server, limits(serviceConfig(t))...)
	if _, err := client.Encode(t.Context(), photograph); err != nil {
		t.Fatal(err)
	}
}

func TestRetryWaitsForAFullServerAndGivesUpOnOtherErrors(t *testing.T) {
	full := failure(t, codes.ResourceExhausted, "the queue is full",
		&errdetails.RetryInfo{RetryDelay: durationpb.New(20 * time.Millisecond)})
	for _, one := range []struct {
		failures []error
		code     codes.Code
		calls    int
	}{
		{[]error{full, full}, codes.OK, 3},
		{[]error{full, full, full, full, full}, codes.ResourceExhausted, attempts},
		{[]error{status.Error(codes.ResourceExhausted, "too large")}, codes.ResourceExhausted, 1},
		{[]error{status.Error(codes.InvalidArgument, "quality: ...")}, codes.InvalidArgument, 1},
	} {
		server := &scripted{failures: one.failures}
		client := serve(t, server, limits(serviceConfig(t))...)
		_, err := retry(t.Context(), func(ctx context.Context) (*pb.EncodeResponse, error) {
			return client.Encode(ctx, photograph)
		})
		if status.Code(err) != one.code || server.calls != one.calls {
			t.Errorf("%v: %d calls, %v", one.failures, server.calls, err)
		}
	}
}

// largeFile returns the path of a file of 8 MiB.
func largeFile(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "large.png")
	if err := os.WriteFile(file, make([]byte, 8<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestALostStreamIsRepeatedOnce(t *testing.T) {
	file := largeFile(t)
	for _, one := range []struct {
		failures []error
		code     codes.Code
	}{
		{[]error{unavailable}, codes.OK},
		{[]error{unavailable, unavailable}, codes.Unavailable},
	} {
		server := &scripted{failures: one.failures, answer: []byte("image")}
		client := serve(t, server, limits(serviceConfig(t))...)
		answer, err := retry(t.Context(), func(ctx context.Context) (*pb.EncodeResponse, error) {
			return encodeFile(ctx, client, file, &pb.EncodeRequest{}, func(*pb.EncodeProgress) {})
		})
		if status.Code(err) != one.code || server.calls != 2 {
			t.Errorf("%d calls, %v", server.calls, err)
		}
		if err == nil && string(answer.GetImage()) != "image" {
			t.Errorf("the image is %q", answer.GetImage())
		}
	}
}

func TestARefusedStreamReportsTheServersError(t *testing.T) {
	file := largeFile(t)
	server := &scripted{failures: []error{status.Error(codes.InvalidArgument, "quality: ...")}}
	client := serve(t, server, limits(serviceConfig(t))...)
	_, err := encodeFile(t.Context(), client, file, &pb.EncodeRequest{}, func(*pb.EncodeProgress) {})
	if status.Code(err) != codes.InvalidArgument {
		t.Error(err)
	}
	if _, err := encodeFile(t.Context(), client, file+".missing", &pb.EncodeRequest{}, func(*pb.EncodeProgress) {}); !os.IsNotExist(err) {
		t.Error(err)
	}
}

func TestExplainNamesReasonFieldsAndRequest(t *testing.T) {
	text := explain(failure(t, codes.InvalidArgument, "quality: must be from 1 to 100",
		&errdetails.ErrorInfo{Reason: "INVALID_FIELD"},
		&errdetails.BadRequest{FieldViolations: []*errdetails.BadRequest_FieldViolation{
			{Field: "quality", Description: "must be from 1 to 100"},
			{Field: "background", Description: "must be a colour"},
		}},
		&errdetails.RequestInfo{RequestId: "abc"}))
	for _, part := range []string{"InvalidArgument", "INVALID_FIELD", "field quality:", "field background:", "abc"} {
		if !strings.Contains(text, part) {
			t.Errorf("%q is missing in %s", part, text)
		}
	}
}
