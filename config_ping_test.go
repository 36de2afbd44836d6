package fapilog

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/url"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fapilog/fapilog/sink"
)

// aliasedSink is a sink with a secret and a setting that have two names.
type aliasedSink struct {
	password sink.Secret
	size     int
}

func (a *aliasedSink) Flags(fs *flag.FlagSet) {
	fs.Var(&a.password, "password", "")
	fs.IntVar(&a.size, "size", a.size, "")
	sink.Alias(fs, "key", "password")
	sink.Alias(fs, "room", "size")
}

func (a *aliasedSink) SetURL(*url.URL) error { return nil }

func (a *aliasedSink) Open(context.Context) (sink.Sink, error) { return discard, nil }

// pingSink is a sink whose host says how it behaves.
type pingSink struct {
	mood, password string
	closed         atomic.Int32
}

func init() {
	sink.Register("ping", func() sink.Opener { return new(pingSink) })
}

func (p *pingSink) Flags(*flag.FlagSet) {}

func (p *pingSink) SetURL(u *url.URL) error {
	p.mood = u.Host
	p.password, _ = u.User.Password()
	return nil
}

func (p *pingSink) Open(ctx context.Context) (sink.Sink, error) {
	if place, ok := strings.CutSuffix(p.mood, "-at-open"); ok {
		if err := behave(ctx, place, p.password); err != nil {
			return nil, err
		}
	}
	if p.mood == "mute" {
		return discard, nil
	}
	return p, nil
}

func (p *pingSink) Write(context.Context, []sink.Record) error { panic("a ping delivers nothing") }

func (p *pingSink) Ping(ctx context.Context) error { return behave(ctx, p.mood, p.password) }

func (p *pingSink) Close() error {
	p.closed.Add(1)
	if p.mood == "leaking" {
		return errors.New("cannot be closed")
	}
	return nil
}

// released ends what ignores its context.
var released chan struct{}

func behave(ctx context.Context, mood, password string) error {
	switch mood {
	case "refusing":
		return fmt.Errorf("login with %q refused", password)
	case "slow":
		select {
		case <-time.After(3 * time.Second):
		case <-released:
		}
	case "hung":
		<-ctx.Done()
		return errors.New("hung up")
	case "stuck":
		<-released
	case "wild":
		panic("password " + password)
	case "quitting":
		runtime.Goexit()
	}
	return nil
}

func TestPingTellsHowEachSinkIs(t *testing.T) {
	for uri, want := range map[string]PingResult{
		"ping://healthy":                      {Pinged: true},
		"ping://mute":                         {},
		"ping://slow?timeout=4s":              {Pinged: true},
		"ping://refusing":                     {Pinged: true, Err: errors.New(`login with "" refused`)},
		"ping://u:canarypassword@refusing":    {Pinged: true, Err: errors.New(`login with "***" refused`)},
		"ping://u:canarypassword@wild":        {Err: errors.New("panic: password ***")},
		"ping://quitting":                     {Err: errors.New("the sink ended its goroutine")},
		"ping://leaking":                      {Pinged: true, Err: errors.New("cannot be closed")},
		"ping://refusing-at-open":             {Err: errors.New(`login with "" refused`)},
		"ping://hung?timeout=7s":              {Err: errors.New("no answer within 7s: context deadline exceeded")},
		"ping://stuck":                        {Err: errors.New("no answer within 10s: context deadline exceeded")},
		"ping://stuck-at-open?timeout=1m":     {Err: errors.New("no answer within 1m0s: context deadline exceeded")},
		"ping://slow?timeout=2s&name=impatie": {Err: errors.New("no answer within 2s: context deadline exceeded")},
	} {
		synctest.Test(t, func(t *testing.T) {
			released = make(chan struct{})
			defer close(released)
			results, err := uris(uri).Ping(t.Context())
			if err != nil || len(results) != 1 {
				t.Fatalf("%s: %v, %v", uri, results, err)
			}
			got := results[0]
			if fmt.Sprint(got.Err) != fmt.Sprint(want.Err) || want.Err == nil && got.Pinged != want.Pinged {
				t.Errorf("%s: %+v, want %+v", uri, got, want)
			}
		})
	}
}

func TestHungPingEndsAtItsTimeoutAndDelaysNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		released = make(chan struct{})
		defer close(released)
		began := time.Now()
		results, err := uris("ping://stuck?timeout=5s&name=a", "ping://slow?name=b", "ping://stuck-at-open?timeout=8s&name=c", "ping://off?enabled=false", "ping://slow?name=d").Ping(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took != 8*time.Second {
			t.Errorf("took %v, want 8s, the longest timeout", took)
		}
		var names []string
		for _, r := range results {
			names = append(names, r.Name)
			if hung := r.Name == "a" || r.Name == "c"; hung != (r.Err != nil) {
				t.Errorf("%+v", r)
			}
		}
		if want := []string{"a", "b", "c", "d"}; !slices.Equal(names, want) {
			t.Errorf("results of %q, want %q", names, want)
		}
	})
}

func TestPingEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		released = make(chan struct{})
		defer close(released)
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		began := time.Now()
		results, err := uris("ping://stuck", "ping://hung?name=hung").Ping(ctx)
		if err != nil || time.Since(began) != time.Second {
			t.Fatalf("%v after %v", err, time.Since(began))
		}
		for _, r := range results {
			if r.Err == nil || r.Err.Error() != context.Canceled.Error() {
				t.Errorf("%+v, want %v", r, context.Canceled)
			}
		}
	})
}

func TestPingClosesWhatItHasOpenedAndNothingElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		given := &pingSink{mood: "healthy"}
		results, err := Config{Routes: []Route{{Sink: given}}}.Ping(t.Context())
		if err != nil || !results[0].Pinged || results[0].Err != nil || given.closed.Load() != 0 {
			t.Errorf("%+v, %v; closed %d times", results, err, given.closed.Load())
		}

		released = make(chan struct{})
		opened := &pingSink{mood: "stuck"}
		r := route{name: "opened", opener: givenOpener{opened}, delivery: Delivery{Timeout: time.Second}}
		if result := r.ping(t.Context()); result.Err == nil || opened.closed.Load() != 0 {
			t.Errorf("%+v; closed %d times", result, opened.closed.Load())
		}
		close(released) // one that was left behind is closed when it returns
		synctest.Wait()
		if opened.closed.Load() != 1 {
			t.Errorf("closed %d times, want once", opened.closed.Load())
		}
	})
}

// givenOpener opens a sink that is there already.
type givenOpener struct{ *pingSink }

func (g givenOpener) Open(context.Context) (sink.Sink, error) { return g.pingSink, nil }

func TestPingOpensNoJournal(t *testing.T) {
	c := uris("ping://healthy")
	c.Journal.Dir = t.TempDir() + "/journal"
	if _, err := c.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(c.Journal.Dir); err == nil {
		t.Error("the journal was opened")
	}
}
