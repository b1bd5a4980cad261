package main

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	pb "example.com/autoquality-client/gen/autoqualityv1"
)

// Without RetryInfo, a caller waits so long after an error.
const pause = 100 * time.Millisecond

const reachTimeout = 10 * time.Second

// plan is the load: callers that call one after another, with the requests in turn.
type plan struct {
	callers     int
	connections int
	duration    time.Duration
	requests    int // 0: duration decides
	warmUp      int
	timeout     time.Duration
	requestsOf  []*pb.EncodeRequest
}

func (plan plan) check() error {
	switch {
	case plan.callers < 1:
		return fmt.Errorf("-callers: must be 1 or more")
	case plan.connections < 1 || plan.connections > plan.callers:
		return fmt.Errorf("-connections: must be from 1 to -callers")
	case plan.requests < 0:
		return fmt.Errorf("-requests: must be 0 or more")
	case plan.duration <= 0:
		return fmt.Errorf("-duration: must be above 0")
	case plan.warmUp < 0:
		return fmt.Errorf("-warm-up: must be 0 or more")
	case plan.timeout <= 0:
		return fmt.Errorf("-timeout: must be above 0")
	}
	return nil
}

// call is the end of one call.
type call struct {
	wait    time.Duration
	server  time.Duration // the server's own time for it
	bytes   int
	status  string
	message string // of an error
	outcome string
	wrong   error
}

// run calls the server as planned.
func (plan plan) run(ctx context.Context, to server) (*report, error) {
	clients := make([]pb.EncodingServiceClient, plan.connections)
	for at := range clients {
		connection, err := to.connect()
		if err != nil {
			return nil, err
		}
		defer connection.Close()
		clients[at] = pb.NewEncodingServiceClient(connection)
		if err := reach(ctx, clients[at]); err != nil {
			return nil, fmt.Errorf("cannot reach %s: %s", to.address, status.Convert(err).Message())
		}
	}
	checks := newChecks(plan.requestsOf)
	var next atomic.Int64 // the number of the next request, over all callers

	// together runs body for every caller and returns all their calls.
	together := func(body func(one caller) []call) []call {
		calls := make([][]call, plan.callers)
		var running sync.WaitGroup
		for at := range calls {
			one := caller{clients[at%plan.connections], plan, checks, &next}
			running.Go(func() { calls[at] = body(one) })
		}
		running.Wait()
		var all []call
		for _, some := range calls {
			all = append(all, some...)
		}
		return all
	}

	together(func(one caller) []call {
		for range plan.warmUp {
			one.call(ctx, int(next.Add(1)-1))
		}
		return nil
	})
	next.Store(0)
	cpu, start := processorTime(), time.Now()
	calls := together(func(one caller) []call { return one.loop(ctx, start) })
	return newReport(calls, time.Since(start), processorTime()-cpu), nil
}

// reach fails if no server answers: later calls wait without a word until their deadline.
func reach(ctx context.Context, client pb.EncodingServiceClient) error {
	ctx, cancel := context.WithTimeout(ctx, reachTimeout)
	defer cancel()
	_, err := client.GetServerInfo(ctx, &pb.GetServerInfoRequest{})
	if code := status.Code(err); code == codes.Unavailable || code == codes.DeadlineExceeded {
		return err
	}
	return nil
}

// caller makes one call at a time.
type caller struct {
	client pb.EncodingServiceClient
	plan   plan
	checks *checks
	next   *atomic.Int64
}

// loop calls until the plan is done.
func (caller caller) loop(ctx context.Context, start time.Time) []call {
	var calls []call
	for {
		number := int(caller.next.Add(1) - 1)
		if caller.plan.requests > 0 && number >= caller.plan.requests {
			return calls
		}
		if caller.plan.requests == 0 && time.Since(start) >= caller.plan.duration {
			return calls
		}
		done, retry := caller.call(ctx, number)
		calls = append(calls, done)
		time.Sleep(retry)
	}
}

// call sends a request. After an error, it also returns the time to wait.
func (caller caller) call(ctx context.Context, number int) (call, time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, caller.plan.timeout)
	defer cancel()
	at := number % len(caller.plan.requestsOf)
	start := time.Now()
	answer, err := caller.client.Encode(ctx, caller.plan.requestsOf[at], grpc.WaitForReady(true))
	done := call{wait: time.Since(start), status: status.Code(err).String()}
	if err != nil {
		done.message = status.Convert(err).Message()
		return done, retryDelay(err)
	}
	done.server = answer.GetTimings().GetTotal().AsDuration()
	done.bytes = len(answer.GetImage())
	done.outcome = answer.GetOutcome().String()
	done.wrong = caller.checks.check(at, answer)
	return done, 0
}

func retryDelay(err error) time.Duration {
	for _, detail := range status.Convert(err).Details() {
		if info, ok := detail.(*errdetails.RetryInfo); ok {
			return info.GetRetryDelay().AsDuration()
		}
	}
	return pause
}
