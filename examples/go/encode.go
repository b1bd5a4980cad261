package main

import (
	"context"
	"fmt"
	"io"
	"os"

	"google.golang.org/protobuf/proto"

	pb "example.com/autoquality-client/gen/autoqualityv1"
)

// byScore asks for a WebP that looks as good as the score says: 70 is "high".
func byScore(image []byte) *pb.EncodeRequest {
	return &pb.EncodeRequest{
		Source: &pb.EncodeRequest_Image{Image: image},
		Format: pb.Format_FORMAT_WEBP,
		AutoQuality: &pb.AutoQuality{
			Method: pb.Method_METHOD_SSIMULACRA2,
			Target: proto.Float64(70),
		},
	}
}

// bySize asks for the best JPEG of at most so many bytes.
func bySize(image []byte, bytes int) *pb.EncodeRequest {
	return &pb.EncodeRequest{
		Source: &pb.EncodeRequest_Image{Image: image},
		Format: pb.Format_FORMAT_JPEG,
		AutoQuality: &pb.AutoQuality{
			Method: pb.Method_METHOD_SIZE,
			Target: proto.Float64(float64(bytes)),
		},
	}
}

// Limits.max_chunk_bytes is 4 MiB by default. Smaller chunks show their progress sooner.
const chunkBytes = 1 << 20

// encodeFile streams a file of any size. The answer has its image like that of Encode.
//
// progress is called with each step and, once the server encodes, with each encoding.
func encodeFile(
	ctx context.Context,
	client pb.EncodingServiceClient,
	path string,
	request *pb.EncodeRequest,
	progress func(*pb.EncodeProgress),
) (*pb.EncodeResponse, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	start := &pb.EncodeStreamStart{Request: request, SourceBytes: proto.Int64(info.Size())}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // ends the sender if the server refuses the request
	stream, err := client.EncodeStream(ctx)
	if err != nil {
		return nil, err
	}
	sent := make(chan error, 1)
	go func() {
		err := send(stream, start, file)
		if err != nil {
			cancel()
		}
		sent <- err
	}()
	answer, err := receive(stream, progress)
	cancel()
	if failed := <-sent; failed != nil {
		return nil, failed
	}
	return answer, err
}

// send sends the request and its source. It returns errors of the source only: receive returns
// those of the call.
func send(stream pb.EncodingService_EncodeStreamClient, start *pb.EncodeStreamStart, source io.Reader) error {
	part := &pb.EncodeStreamRequest{Part: &pb.EncodeStreamRequest_Start{Start: start}}
	for stream.Send(part) == nil {
		chunk := make([]byte, chunkBytes) // gRPC may use a message after Send
		n, err := source.Read(chunk)
		if err == io.EOF {
			stream.CloseSend()
			return nil
		}
		if err != nil {
			return err
		}
		part = &pb.EncodeStreamRequest{Part: &pb.EncodeStreamRequest_Chunk{Chunk: chunk[:n]}}
	}
	return nil
}

// receive reports the progress and collects the answer.
func receive(
	stream pb.EncodingService_EncodeStreamClient, progress func(*pb.EncodeProgress),
) (*pb.EncodeResponse, error) {
	var answer *pb.EncodeResponse
	for {
		message, err := stream.Recv()
		switch {
		case err == io.EOF && answer == nil:
			return nil, io.ErrUnexpectedEOF
		case err == io.EOF:
			return answer, nil
		case err != nil:
			return nil, err
		}
		switch part := message.GetPart().(type) {
		case *pb.EncodeStreamResponse_Progress:
			progress(part.Progress)
		case *pb.EncodeStreamResponse_Result:
			answer = part.Result
		case *pb.EncodeStreamResponse_Chunk:
			if answer == nil {
				return nil, fmt.Errorf("a chunk arrived before the result")
			}
			answer.Image = append(answer.Image, part.Chunk...)
		}
	}
}
