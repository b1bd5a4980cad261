// Command autoquality-client encodes a photograph by score and by size, streams a large one, and
// shows how errors arrive.
package main

//go:generate buf generate ../../protos --template buf.gen.yaml

import (
	"context"
	"flag"
	"fmt"
	"log"
	"os"
	"time"

	"google.golang.org/protobuf/proto"

	pb "example.com/autoquality-client/gen/autoqualityv1"
)

// The server uses the time that is left for its search.
const timeout = 60 * time.Second

func main() {
	log.SetFlags(0)
	server := flag.String("server", "localhost:50051", "host:port of the server")
	ca := flag.String("ca", "", "certificate of the server's authority (default: the system's)")
	plaintext := flag.Bool("plaintext", false, "no TLS, for a server on this machine")
	token := flag.String("token-file", "", "file with the token")
	config := flag.String("service-config", "../../protos/service-config.json", "file with gRPC's service config")
	flag.Parse()
	if flag.NArg() != 2 {
		log.Fatal("usage: autoquality-client [flags] PHOTOGRAPH LARGE-PHOTOGRAPH")
	}
	serviceConfig, err := os.ReadFile(*config)
	if err != nil {
		log.Fatal(err)
	}
	security, err := security(*plaintext, *ca)
	if err != nil {
		log.Fatal(err)
	}
	connection, err := dial(*server, security, *token, string(serviceConfig))
	if err != nil {
		log.Fatal(err)
	}
	defer connection.Close()
	client := pb.NewEncodingServiceClient(connection)
	if err := run(client, flag.Arg(0), flag.Arg(1)); err != nil {
		log.Fatal(explain(err))
	}
}

func run(client pb.EncodingServiceClient, photograph, large string) error {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	image, err := os.ReadFile(photograph)
	if err != nil {
		return err
	}
	for _, request := range []*pb.EncodeRequest{byScore(image), bySize(image, 50_000)} {
		answer, err := retry(ctx, func(ctx context.Context) (*pb.EncodeResponse, error) {
			return client.Encode(ctx, request)
		})
		if err != nil {
			return err
		}
		report(answer)
	}

	request := byScore(nil)
	request.Source = nil // it follows in chunks
	answer, err := retry(ctx, func(ctx context.Context) (*pb.EncodeResponse, error) {
		return encodeFile(ctx, client, large, request, func(progress *pb.EncodeProgress) {
			if probe := progress.GetProbe(); probe != nil {
				fmt.Printf("  tried quality %d: %d bytes\n", probe.GetQuality(), probe.GetSizeBytes())
				return
			}
			fmt.Printf("  %s\n", progress.GetStage())
		})
	})
	if err != nil {
		return err
	}
	report(answer)

	wrong := byScore(image)
	wrong.AutoQuality.MinQuality = proto.Int32(0) // 1 to 100
	wrong.Background = "white"                    // #ffffff
	if _, err := client.Encode(ctx, wrong); err != nil {
		fmt.Println(explain(err))
	}
	return nil
}

func report(answer *pb.EncodeResponse) {
	fmt.Printf("%s: quality %d, %d bytes, %s after %d encodings\n",
		answer.GetFormat(), answer.GetQuality(), len(answer.GetImage()), answer.GetOutcome(), answer.GetIterations())
}
