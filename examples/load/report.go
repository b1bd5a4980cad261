package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"syscall"
	"time"
)

// How many wrong answers a report describes.
const mostWrong = 10

// waits are percentiles in milliseconds.
type waits struct {
	P10 float64 `json:"p10"`
	P50 float64 `json:"p50"`
	P90 float64 `json:"p90"`
	P95 float64 `json:"p95"`
	P99 float64 `json:"p99"`
	Max float64 `json:"max"`
}

// report is about all calls but those for warming up.
type report struct {
	Seconds  float64           `json:"seconds"`
	Rate     float64           `json:"rate"` // right answers a second
	Waits    waits             `json:"waits_ms"`
	Server   waits             `json:"server_ms"` // the server's own time for a request
	Bytes    int64             `json:"bytes"`     // of all images
	Statuses map[string]int    `json:"statuses"`
	Outcomes map[string]int    `json:"outcomes"`
	Messages map[string]string `json:"messages"` // the first of each error
	Wrong    []string          `json:"wrong"`
	Client   float64           `json:"client_cpu_seconds"` // processor time of this program
}

func newReport(calls []call, took, cpu time.Duration) *report {
	found := &report{
		Seconds:  took.Seconds(),
		Statuses: map[string]int{},
		Outcomes: map[string]int{},
		Messages: map[string]string{},
		Wrong:    []string{},
		Client:   cpu.Seconds(),
	}
	var inCaller, inServer []time.Duration
	for _, one := range calls {
		found.Statuses[one.status]++
		if one.status != "OK" {
			if found.Messages[one.status] == "" {
				found.Messages[one.status] = one.message
			}
			continue
		}
		found.Outcomes[one.outcome]++
		if one.wrong != nil {
			if len(found.Wrong) < mostWrong {
				found.Wrong = append(found.Wrong, one.wrong.Error())
			}
			continue
		}
		found.Bytes += int64(one.bytes)
		inCaller = append(inCaller, one.wait)
		inServer = append(inServer, one.server)
	}
	found.Rate = float64(len(inCaller)) / found.Seconds
	found.Waits, found.Server = percentiles(inCaller), percentiles(inServer)
	return found
}

func percentiles(times []time.Duration) waits {
	if len(times) == 0 {
		return waits{}
	}
	slices.Sort(times)
	at := func(share float64) float64 {
		return times[int(share*float64(len(times)-1)+0.5)].Seconds() * 1e3
	}
	return waits{at(0.1), at(0.5), at(0.9), at(0.95), at(0.99), at(1)}
}

func (found *report) String() string {
	var text strings.Builder
	count := 0
	for _, status := range slices.Sorted(maps.Keys(found.Statuses)) {
		count += found.Statuses[status]
		fmt.Fprintf(&text, "%-20s %d\n", status, found.Statuses[status])
	}
	for _, outcome := range slices.Sorted(maps.Keys(found.Outcomes)) {
		fmt.Fprintf(&text, "%-20s %d\n", strings.TrimPrefix(outcome, "OUTCOME_"), found.Outcomes[outcome])
	}
	line := func(name string, times waits) {
		fmt.Fprintf(&text, "%-20s p10 %.2f  p50 %.2f  p90 %.2f  p95 %.2f  p99 %.2f  max %.2f ms\n",
			name, times.P10, times.P50, times.P90, times.P95, times.P99, times.Max)
	}
	line("caller waits", found.Waits)
	line("in the server", found.Server)
	fmt.Fprintf(&text, "%-20s %.1f images/s over %.1f s, %d bytes\n", "rate", found.Rate, found.Seconds, found.Bytes)
	fmt.Fprintf(&text, "%-20s %.2f ms a call\n", "client's CPU", 1e3*found.Client/float64(max(1, count)))
	for _, status := range slices.Sorted(maps.Keys(found.Messages)) {
		fmt.Fprintf(&text, "%s: %s\n", status, found.Messages[status])
	}
	for _, one := range found.Wrong {
		fmt.Fprintf(&text, "WRONG: %s\n", one)
	}
	return text.String()
}

// processorTime is that of this process so far.
func processorTime() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
