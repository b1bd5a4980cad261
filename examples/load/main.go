// Command autoquality-load calls a server from many callers at once, checks every answer, and
// reports the rate, the waiting times and its own processor time.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"os"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"

	pb "example.com/autoquality-client/gen/autoqualityv1"
)

func main() {
	log.SetFlags(0)
	var to server
	flag.StringVar(&to.address, "server", "localhost:50051", "host:port of the server")
	flag.BoolVar(&to.plaintext, "plaintext", false, "no TLS, for a server on this machine")
	flag.StringVar(&to.ca, "ca", "", "certificate of the server's authority (default: the system's)")
	flag.StringVar(&to.tokenFile, "token-file", "", "file with the token")
	var plan plan
	flag.IntVar(&plan.callers, "callers", 8, "calls at the same time")
	flag.IntVar(&plan.connections, "connections", 1, "connections that the callers share")
	flag.DurationVar(&plan.duration, "duration", 10*time.Second, "how long callers start calls")
	flag.IntVar(&plan.requests, "requests", 0, "calls of all callers together, in place of -duration")
	flag.IntVar(&plan.warmUp, "warm-up", 1, "calls of each caller that do not count")
	flag.DurationVar(&plan.timeout, "timeout", time.Minute, "deadline of each call")
	format := flag.String("format", "jpeg", "format of the answers: jpeg, webp, avif, png, jxl")
	method := flag.String("method", "none", "none, size, dssim, ssimulacra2 or ml")
	quality := flag.Int("quality", 0, "quality with -method none (default: the server's)")
	target := flag.String("target", "", "bytes or score (default: the server's)")
	asJSON := flag.Bool("json", false, "print the report as JSON")
	flag.Parse()

	template, err := request(*format, *method, *quality, *target)
	if err == nil {
		err = plan.check()
	}
	if err == nil && flag.NArg() == 0 {
		err = fmt.Errorf("usage: autoquality-load [flags] IMAGE...")
	}
	if err == nil {
		plan.requestsOf, err = withImages(template, flag.Args())
	}
	if err != nil {
		log.Fatal(err)
	}
	report, err := plan.run(context.Background(), to)
	if err != nil {
		log.Fatal(err)
	}
	if *asJSON {
		json.NewEncoder(os.Stdout).Encode(report)
	} else {
		fmt.Print(report)
	}
	if report.Statuses["OK"] == 0 || len(report.Wrong) > 0 {
		os.Exit(1)
	}
}

// request is what every call asks for.
func request(format, method string, quality int, target string) (*pb.EncodeRequest, error) {
	formatNumber, known := pb.Format_value["FORMAT_"+strings.ToUpper(format)]
	if !known {
		return nil, fmt.Errorf("-format: %q is no format", format)
	}
	methodNumber, known := pb.Method_value["METHOD_"+strings.ToUpper(method)]
	if !known {
		return nil, fmt.Errorf("-method: %q is no method", method)
	}
	asked := &pb.EncodeRequest{
		Format:      pb.Format(formatNumber),
		AutoQuality: &pb.AutoQuality{Method: pb.Method(methodNumber)},
	}
	if quality != 0 {
		asked.Quality = proto.Int32(int32(quality))
	}
	if target != "" {
		var number float64
		if _, err := fmt.Sscanf(target, "%g", &number); err != nil {
			return nil, fmt.Errorf("-target: %q is no number", target)
		}
		asked.AutoQuality.Target = proto.Float64(number)
	}
	return asked, nil
}

// withImages returns one request for each file.
func withImages(template *pb.EncodeRequest, files []string) ([]*pb.EncodeRequest, error) {
	requests := make([]*pb.EncodeRequest, 0, len(files))
	for _, file := range files {
		image, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		one := proto.CloneOf(template)
		one.Source = &pb.EncodeRequest_Image{Image: image}
		requests = append(requests, one)
	}
	return requests, nil
}
