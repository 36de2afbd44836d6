package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime"
	"time"
)

func lokiTarget() target {
	return target{name: "loki", about: "records per CPU-second into a Loki-like server in another process", run: runLoki}
}

// lokiArm is one sender, set up in one way. All log the same record, or the same
// but for the duration, which differs from call to call.
type lokiArm struct {
	name    string
	share   int // it makes one of so many of the calls
	varying bool
	open    func(url string) (*lokiSender, error)
}

// lokiSender is an arm set up and ready.
type lokiSender struct {
	handler slog.Handler
	drain   func(calls int) error // waits until everything is sent, and says why the figure does not count
	close   func() error
}

// lokiJournal is the most that fapilog's journal has here: the way to the server
// is measured, which takes many times as long as a call, and is no faster with more.
const lokiJournal = 4 << 20

const (
	lokiNote = "Both push JSON, as it is. slog-loki makes labels of all attributes, and its line is the message alone: the same attributes in every call, one stream, are its best case. " +
		"A call waits while its client sends; what is in the batch (1 MiB of messages, 1 s) is lost at a kill, and a batch that is refused, or has failed 10 times, is dropped."
	lokiPackedNote  = "What each sends unless told otherwise: JSON with gzip, level 6, against protobuf with snappy. slog-loki has no gzip. Records as alike as these compress better than a program's."
	lokiVaryingNote = "The duration differs in every call, which to slog-loki is a stream for each record. A real Loki refuses so many."
)

func runLoki(s *session) error {
	journal := min(s.journal, lokiJournal)
	samples, err := measureLoki(s, lokiArms(journal), callsFor(journal))
	if err != nil {
		return err
	}
	addLokiRows(s, samples)
	return nil
}

// lokiArms returns the arms: fapilog's with a journal of journal bytes, each before
// the peer's that it is compared with.
func lokiArms(journal int64) []lokiArm {
	ours := func(query string) func(string) (*lokiSender, error) {
		return func(url string) (*lokiSender, error) { return openLokiSink(url, query, journal) }
	}
	theirs := openSlogLoki
	return []lokiArm{
		{name: "fapilog, JSON", share: 1, open: ours("gzip=false")},
		{name: "slog-loki, JSON", share: 4, open: theirs(true)},
		{name: "fapilog, JSON, gzip", share: 1, open: ours("")},
		{name: "slog-loki, snappy", share: 4, open: theirs(false)},
		{name: "fapilog, JSON, varying", share: 1, varying: true, open: ours("gzip=false")},
		{name: "slog-loki, JSON, varying", share: 16, varying: true, open: theirs(true)},
	}
}

// addLokiRows compares the samples of lokiArms by twos.
func addLokiRows(s *session, samples [][]lokiSample) {
	for i, r := range []row{
		{Number: 9, Question: "into Loki, JSON", Reach: 3, Goal: 10, Note: lokiNote},
		{Question: "into Loki, each with its default codec", Note: lokiPackedNote},
		{Question: "into Loki, JSON, an attribute that varies", Note: lokiVaryingNote},
	} {
		a, b := samples[2*i], samples[2*i+1]
		r.Against, r.Figure, r.AtLeast = "samber/slog-loki with loki-client-go", "records per CPU-second", true
		r.Void = firstOf(append(pick(a, lokiSample.reason), pick(b, lokiSample.reason)...)...)
		r.Note = fmt.Sprintf("%s Sent per record: %.0f bytes, slog-loki %.0f.", r.Note,
			median(pick(a, lokiSample.size)), median(pick(b, lokiSample.size)))
		s.add(r.compare(byRound(pick(a, lokiSample.rate)), byRound(pick(b, lokiSample.rate))))
	}
}

// measureLoki runs the arms in turn, all into one server. calls is how many fill
// fapilog's journal often enough.
func measureLoki(s *session, arms []lokiArm, calls int) (samples [][]lokiSample, err error) {
	if processCPU() == 0 {
		return nil, errors.New("the CPU time of a process is read on Linux only")
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	server, err := startChild(ctx, lokiRole)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, server.wait()) }()
	var addr string
	if err := server.read(&addr); err != nil {
		return nil, err
	}
	names := make([]string, len(arms))
	for i, a := range arms {
		names[i] = a.name
	}
	return alternate(s, names, func(i, _ int) (lokiSample, error) {
		return measureLokiArm(arms[i], "http://"+addr, calls/arms[i].share)
	})
}

// lokiSample is what one run of an arm was.
type lokiSample struct {
	perCPUSecond   float64 // records, by the CPU time of the sending process alone, until all are sent
	bytesPerRecord float64 // of the bodies
	void           string  // why it does not count, or empty
}

func (x lokiSample) rate() float64  { return x.perCPUSecond }
func (x lokiSample) size() float64  { return x.bytesPerRecord }
func (x lokiSample) reason() string { return x.void }

func measureLokiArm(a lokiArm, url string, calls int) (x lokiSample, err error) {
	before, err := arrivedAt(url)
	if err != nil {
		return x, err
	}
	runtime.GC()
	cpu := processCPU()
	sender, err := a.open(url)
	if err != nil {
		return x, err
	}
	log := slogCalls(sender.handler, inCall)
	if a.varying {
		log = varyingCalls(sender.handler)
	}
	log(calls)
	void := sender.drain(calls)
	cpu = processCPU() - cpu
	if err := sender.close(); err != nil {
		return x, err
	}
	after, err := arrivedAt(url)
	if err != nil {
		return x, err
	}
	x.perCPUSecond = float64(calls) / cpu.Seconds()
	got := after.Records - before.Records
	x.bytesPerRecord = float64(after.Bytes-before.Bytes) / float64(max(got, 1))
	if got != calls {
		void = errors.Join(void, fmt.Errorf("%d of %d records have arrived", got, calls))
	}
	if void != nil {
		x.void = a.name + ": " + void.Error()
	}
	return x, nil
}

// arrivedAt asks the server at url what has arrived.
func arrivedAt(url string) (got arrived, err error) {
	response, err := http.Get(url)
	if err != nil {
		return got, err
	}
	defer response.Body.Close()
	return got, json.NewDecoder(response.Body).Decode(&got)
}

// varyingCalls is slogCalls with a duration that no two calls have in common.
func varyingCalls(h slog.Handler) func(n int) {
	l, ctx := slog.New(h), context.Background()
	return func(n int) {
		for i := range n {
			l.LogAttrs(ctx, slog.LevelInfo, message,
				slog.String("path", attrPath), slog.Int("status", attrCode), slog.Duration("took", time.Duration(i)*time.Microsecond),
				slog.Bool("cached", attrCache), slog.Any("err", errUpstream))
		}
	}
}
