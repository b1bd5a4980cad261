package main

import (
	"bytes"
	"fmt"
	"math"
	"sync"

	pb "example.com/autoquality-client/gen/autoqualityv1"
)

// checks knows what is right for each request.
type checks struct {
	requests []*pb.EncodeRequest
	lock     sync.Mutex
	first    [][]byte // the first image of each request
}

func newChecks(requests []*pb.EncodeRequest) *checks {
	return &checks{requests: requests, first: make([][]byte, len(requests))}
}

// The first bytes of each format; ? is any byte.
var signatures = map[pb.Format][]string{
	pb.Format_FORMAT_JPEG: {"\xff\xd8\xff"},
	pb.Format_FORMAT_WEBP: {"RIFF????WEBP"},
	pb.Format_FORMAT_AVIF: {"????ftypavif", "????ftypavis"},
	pb.Format_FORMAT_PNG:  {"\x89PNG\r\n\x1a\n"},
	pb.Format_FORMAT_JXL:  {"\xff\x0a", "\x00\x00\x00\x0cJXL \r\n\x87\n"},
}

// check reports what is wrong with an answer to request number at.
//
// It decodes nothing, because the client may share its cores with the server. But the same request
// gets the same bytes, so one decoded file speaks for all.
func (checks *checks) check(at int, answer *pb.EncodeResponse) error {
	image := answer.GetImage()
	if len(image) == 0 || int64(len(image)) != answer.GetSizeBytes() {
		return fmt.Errorf("an image of %d bytes, with size_bytes %d", len(image), answer.GetSizeBytes())
	}
	if !looksLike(image, answer.GetFormat()) {
		return fmt.Errorf("an image that starts with %q is no %s", image[:min(12, len(image))], answer.GetFormat())
	}
	if err := checkOutcome(answer); err != nil {
		return err
	}
	if answer.GetOutcome() == pb.Outcome_OUTCOME_DEADLINE_REACHED {
		return nil // the one outcome that depends on time
	}
	checks.lock.Lock()
	first := checks.first[at]
	if first == nil {
		checks.first[at] = image
	}
	checks.lock.Unlock()
	if first != nil && !bytes.Equal(first, image) {
		return fmt.Errorf("image %d: two answers to the same request differ", at+1)
	}
	return nil
}

func looksLike(image []byte, format pb.Format) bool {
	for _, signature := range signatures[format] {
		same := len(image) >= len(signature)
		for at := 0; same && at < len(signature); at++ {
			same = signature[at] == '?' || signature[at] == image[at]
		}
		if same {
			return true
		}
	}
	return false
}

// checkOutcome compares a met target with the numbers of the answer.
func checkOutcome(answer *pb.EncodeResponse) error {
	applied := answer.GetApplied()
	outcome := answer.GetOutcome()
	if outcome == pb.Outcome_OUTCOME_UNSPECIFIED {
		return fmt.Errorf("no outcome")
	}
	if fixed := outcome == pb.Outcome_OUTCOME_FIXED_QUALITY; fixed != (applied.GetMethod() == pb.Method_METHOD_NONE) {
		return fmt.Errorf("%s with %s", outcome, applied.GetMethod())
	}
	if outcome != pb.Outcome_OUTCOME_TARGET_MET {
		return nil
	}
	var score *float64
	switch {
	case applied.GetMethod() == pb.Method_METHOD_SIZE:
		if float64(answer.GetSizeBytes()) > applied.GetTarget() {
			return fmt.Errorf("%d bytes for a target of %g", answer.GetSizeBytes(), applied.GetTarget())
		}
		return nil
	case applied.GetMetric() == pb.Metric_METRIC_SSIMULACRA2:
		score = answer.Ssimulacra2
	default:
		score = answer.Dssim
	}
	if score == nil {
		return fmt.Errorf("%s without a score", outcome)
	}
	if math.Abs(*score-applied.GetTarget()) > applied.GetAllowedError()+1e-9 {
		return fmt.Errorf("%s with a score of %g for a target of %g", outcome, *score, applied.GetTarget())
	}
	return nil
}
