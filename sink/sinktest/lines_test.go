package sinktest_test

import (
	"bufio"
	"context"
	"errors"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fapilog/fapilog/sink"
	"github.com/fapilog/fapilog/sink/sinktest"
)

// lines is a sink that writes lines to a new connection for each batch, and has no
// answers.
type lines struct {
	dial   sinktest.Dial
	closed atomic.Bool
}

// Write implements [sink.Sink].
func (l *lines) Write(ctx context.Context, batch []sink.Record) error {
	if l.closed.Load() {
		return errors.New("lines: the sink is closed")
	}
	c, err := l.dial(ctx, "tcp", "lines.example:514")
	if err != nil {
		return err
	}
	defer c.Close()
	defer context.AfterFunc(ctx, func() { _ = c.SetDeadline(time.Unix(1, 0)) })()
	var b []byte
	for _, r := range batch {
		b = append(append(append(b, r.ID.String()...), r.JSON...), '\n')
	}
	_, err = c.Write(b)
	return err
}

// Close implements [sink.Sink].
func (l *lines) Close() error {
	l.closed.Store(true)
	return nil
}

func linesTarget() sinktest.Target {
	return sinktest.Target{
		New: func(_ testing.TB, dial sinktest.Dial) sink.Sink { return &lines{dial: dial} },
		Server: func(l net.Listener, store *sinktest.Store) {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				go func() {
					defer c.Close()
					for r := bufio.NewReader(c); ; {
						line, err := r.ReadString('\n')
						if err != nil {
							return
						}
						id, obj, _ := strings.Cut(line, "{")
						store.Add(sinktest.Stored{ID: id, Text: "{" + strings.TrimSuffix(obj, "\n")})
					}
				}()
			}
		},
		Want: func(r sink.Record) sinktest.Stored {
			return sinktest.Stored{ID: r.ID.String(), Text: string(r.JSON)}
		},
	}
}

func TestSinkWithoutHTTPPasses(t *testing.T) {
	sinktest.Run(t, linesTarget())
}

func TestWhatDoesNotApplyIsLeftOutAndSaid(t *testing.T) {
	r := sinktest.Examine(t, linesTarget())
	if len(r.Deviations) != 0 || r.Answers != 0 || len(r.Examined) < 30 {
		t.Error(r)
	}
	if len(r.Examined)+len(r.LeftOut) != len(sinktest.Behaviours()) {
		t.Errorf("%d examined and %d left out of %d", len(r.Examined), len(r.LeftOut), len(sinktest.Behaviours()))
	}
	for _, want := range []string{
		"left out: every status has the verdict of the table: the sink does not speak HTTP",
		"left out: no error holds a secret when there is no connection: the target names no secrets",
		"left out: Ping fails without a connection: the sink is no sink.Pinger",
	} {
		if !strings.Contains(r.String(), want) {
			t.Errorf("the report does not say %q: %v", want, r)
		}
	}
}

func TestThereAreManyBehaviours(t *testing.T) {
	names := sinktest.Behaviours()
	if unique := slices.Compact(slices.Sorted(slices.Values(names))); len(unique) != len(names) || len(names) < 90 {
		t.Errorf("%d behaviours with %d names", len(names), len(unique))
	}
}

func TestTableCoversEveryAnswer(t *testing.T) {
	target := sinktest.Target{Table: []sinktest.Row{{First: 418, Last: 418, Verdict: sink.Park, Remark: "a joke"}}}
	for status := range 1000 {
		if target.Outcome(status) == "unknown" {
			t.Errorf("status %d has no verdict", status)
		}
	}
	for status, want := range map[int]string{200: "delivered", 204: "delivered", 307: "park", 400: "rejected", 413: "too_large", 418: "park", 429: "throttled", 503: "retry", 600: "retry"} {
		if got := target.Outcome(status); got != want {
			t.Errorf("status %d is %s, want %s", status, got, want)
		}
	}
	var cases []string
	for _, r := range target.Verdicts() {
		cases = append(cases, r.Case()+": "+r.Outcome())
	}
	for _, want := range []string{"418: park", "200 with a page of HTML: retry", "200–299: delivered", "anything else: retry"} {
		if !slices.Contains(cases, want) {
			t.Errorf("%q is not in %q", want, cases)
		}
	}
}
