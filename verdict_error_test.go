package fapilog

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fapilog/fapilog/sink"
	"github.com/fapilog/fapilog/sink/sinktest"
)

var errTyped *sink.Error // nil, but as an error it is not

// unwrapping panics when it is asked for its cause, as a nil pointer would.
type unwrapping struct{ error }

func (u unwrapping) Unwrap() error { panic("no cause") }

// textless panics when it is asked for its text.
type textless struct{}

func (textless) Error() string { panic("no text") }

func TestErrorsOfAnyKindAreFailures(t *testing.T) {
	long := strings.Repeat("é", 3000)
	tests := []struct {
		name string
		err  error
		text string // "": anything
	}{
		{"a plain one", errDown, "connection refused"},
		{"a wrapped one", fmt.Errorf("send: %w", errDown), "send: connection refused"},
		{"an empty Error", &sink.Error{}, "retry"},
		{"a nil *Error", errTyped, ""},
		{"an unknown verdict", &sink.Error{Err: errDown, Verdict: 99}, "connection refused"},
		{"a negative verdict", &sink.Error{Err: errDown, Verdict: -1}, "connection refused"},
		{"one whose Error panics", textless{}, "panic in Error: no text"},
		{"a wrapped one whose Error panics", &sink.Error{Err: textless{}}, "panic in Error: no text"},
		{"one whose Unwrap panics", unwrapping{errDown}, "connection refused"},
		{"a long one", errors.New(long), long[:1024] + "…"},
		{"joined ones", errors.Join(errDown, errDown), "connection refused\nconnection refused"},
		{"an index out of range", &sink.Error{Items: []sink.ItemError{{Index: 0}, {Index: 10, Verdict: sink.Rejected}}, Err: errDown}, "connection refused"},
		{"a negative index", &sink.Error{Items: []sink.ItemError{{Index: -1, Verdict: sink.Rejected}}, Err: errDown}, "connection refused"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				taken := new(sinktest.Memory)
				calls := 0
				p := open(t, Config{Defaults: Delivery{Linger: time.Second}}, sink.Func(func(ctx context.Context, batch []sink.Record) error {
					if calls++; calls == 1 {
						return test.err
					}
					return taken.Write(ctx, batch)
				}))
				log(p, 0, 10)
				time.Sleep(time.Minute)
				holds(t, "a", taken, upTo(10)) // all of them again
				k := row(t, p, "a")
				if k.Attempts != 2 || k.Failures != 1 || test.text != "" && k.LastError != test.text {
					t.Errorf("%+v", k)
				}
			})
		})
	}
}

func TestWrappedVerdictCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		err := fmt.Errorf("loki: %w", &sink.Error{Verdict: sink.Park, Err: errDown})
		p := open(t, Config{}, &sinktest.Script{Then: sinktest.Fail(err)})
		log(p, 0, 1)
		time.Sleep(time.Second)
		if k := row(t, p, "a"); !k.Parked || k.LastError != "loki: connection refused" {
			t.Errorf("%+v", k)
		}
	})
}
