package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

const attempts = 5

// retry repeats a call while the server is full, and once if the call was lost.
//
// The service config repeats lost calls too, but no stream after its first answer. It cannot repeat
// calls to a full server, because it cannot tell RESOURCE_EXHAUSTED with RetryInfo from a message
// that is too large. An encoding has no side effects, so both are safe.
func retry[T any](ctx context.Context, call func(context.Context) (T, error)) (T, error) {
	for attempt := 1; ; attempt++ {
		answer, err := call(ctx)
		delay, retryable := retryDelay(err, attempt)
		if !retryable || attempt == attempts {
			return answer, err
		}
		// Callers that were refused together must not return together.
		delay += time.Duration(rand.Float64() * float64(delay) / 4)
		select {
		case <-time.After(delay):
		case <-ctx.Done():
			return answer, err
		}
	}
}

// retryDelay returns the time to wait after a failed attempt, and whether to retry at all.
func retryDelay(err error, attempt int) (time.Duration, bool) {
	for _, detail := range status.Convert(err).Details() {
		if info, ok := detail.(*errdetails.RetryInfo); ok {
			return info.GetRetryDelay().AsDuration(), true
		}
	}
	return 250 * time.Millisecond, status.Code(err) == codes.Unavailable && attempt == 1
}

// explain describes a failed call for people: its reason, its wrong fields and its request id.
func explain(err error) string {
	failure, ok := status.FromError(err)
	if !ok {
		return err.Error()
	}
	lines := []string{fmt.Sprintf("%s: %s", failure.Code(), failure.Message())}
	for _, detail := range failure.Details() {
		switch detail := detail.(type) {
		case *errdetails.ErrorInfo:
			lines = append(lines, "reason: "+detail.GetReason())
		case *errdetails.BadRequest:
			for _, violation := range detail.GetFieldViolations() {
				lines = append(lines, fmt.Sprintf("field %s: %s", violation.GetField(), violation.GetDescription()))
			}
		case *errdetails.RequestInfo:
			lines = append(lines, "request id: "+detail.GetRequestId())
		}
	}
	return strings.Join(lines, "\n  ")
}
