package main

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	pb "example.com/autoquality-client/gen/autoqualityv1"
)

func answer(image string, change func(*pb.EncodeResponse)) *pb.EncodeResponse {
	found := &pb.EncodeResponse{
		Image:     []byte(image),
		SizeBytes: int64(len(image)),
		Format:    pb.Format_FORMAT_WEBP,
		Outcome:   pb.Outcome_OUTCOME_TARGET_MET,
		Applied: &pb.AutoQuality{
			Method:       pb.Method_METHOD_DSSIM,
			Metric:       pb.Metric_METRIC_DSSIM,
			Target:       proto.Float64(0.02),
			AllowedError: proto.Float64(0.001),
		},
		Dssim: proto.Float64(0.0205),
	}
	if change != nil {
		change(found)
	}
	return found
}

const webp = "RIFF\x00\x01\x02\x03WEBPVP8 "

func TestWrongAnswersAreFound(t *testing.T) {
	for name, one := range map[string]*pb.EncodeResponse{
		"bytes":             answer("", nil),
		"size_bytes":        answer(webp, func(it *pb.EncodeResponse) { it.SizeBytes++ }),
		"is no FORMAT_JPEG": answer(webp, func(it *pb.EncodeResponse) { it.Format = pb.Format_FORMAT_JPEG }),
		"is no FORMAT_WEBP": answer("RIFF", nil),
		"no outcome":        answer(webp, func(it *pb.EncodeResponse) { it.Outcome = 0 }),
		"FIXED_QUALITY with METHOD_DSSIM": answer(webp, func(it *pb.EncodeResponse) {
			it.Outcome = pb.Outcome_OUTCOME_FIXED_QUALITY
		}),
		"without a score":    answer(webp, func(it *pb.EncodeResponse) { it.Dssim = nil }),
		"a score of 0.0211 ": answer(webp, func(it *pb.EncodeResponse) { it.Dssim = proto.Float64(0.0211) }),
		"16 bytes for a target of 15": answer(webp, func(it *pb.EncodeResponse) {
			it.Applied = &pb.AutoQuality{Method: pb.Method_METHOD_SIZE, Target: proto.Float64(15)}
		}),
	} {
		err := newChecks(make([]*pb.EncodeRequest, 1)).check(0, one)
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAnswersToTheSameRequestMustNotDiffer(t *testing.T) {
	checks := newChecks(make([]*pb.EncodeRequest, 2))
	other := webp + "other"
	late := func(it *pb.EncodeResponse) { it.Outcome = pb.Outcome_OUTCOME_DEADLINE_REACHED }
	for number, one := range []struct {
		at     int
		answer *pb.EncodeResponse
		right  bool
	}{
		{0, answer(webp, nil), true},
		{0, answer(webp, nil), true},
		{1, answer(other, nil), true},
		{0, answer(other, late), true},
		{0, answer(other, nil), false},
	} {
		if err := checks.check(one.at, one.answer); (err == nil) != one.right {
			t.Errorf("%d: %v", number, err)
		}
	}
}

func TestTheReportCountsRightAnswersOnly(t *testing.T) {
	calls := []call{
		{status: "Unavailable", message: "the server shuts down"},
		{status: "OK", wrong: errors.New("no image")},
	}
	for at := range 100 {
		calls = append(calls, call{wait: time.Duration(at) * time.Millisecond, status: "OK", bytes: 10})
	}
	found := newReport(calls, 10*time.Second, time.Second)
	if found.Rate != 10 || found.Bytes != 1000 || found.Statuses["OK"] != 101 || len(found.Wrong) != 1 {
		t.Errorf("%+v", found)
	}
	if found.Waits != (waits{P10: 10, P50: 50, P90: 89, P95: 94, P99: 98, Max: 99}) {
		t.Errorf("%+v", found.Waits)
	}
	if text := found.String(); !strings.Contains(text, "Unavailable: the server shuts down") {
		t.Error(text)
	}
}

func TestAServerThatCannotBeReachedIsNamedAtOnce(t *testing.T) {
	load := plan{callers: 1, connections: 1, requests: 1, timeout: time.Second}
	load.requestsOf = []*pb.EncodeRequest{{}}
	_, err := load.run(context.Background(), server{address: "127.0.0.1:1", plaintext: true})
	if err == nil || !strings.HasPrefix(err.Error(), "cannot reach 127.0.0.1:1: ") {
		t.Errorf("%v", err)
	}
}
