package sinktest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fapilog/fapilog/sink"
	"github.com/fapilog/fapilog/sink/sinktest"
)

// mutant is the sink of the example with something wrong with it. Its functions may be
// nil.
type mutant struct {
	*Shelf
	write func(s *Shelf, ctx context.Context, batch []sink.Record) error
	close func(s *Shelf) error
}

// Write implements [sink.Sink].
func (m *mutant) Write(ctx context.Context, batch []sink.Record) error {
	if m.write != nil {
		return m.write(m.Shelf, ctx, batch)
	}
	return m.Shelf.Write(ctx, batch)
}

// Close implements [sink.Sink].
func (m *mutant) Close() error {
	if m.close != nil {
		return m.close(m.Shelf)
	}
	return m.Shelf.Close()
}

// pinging is a mutant with a Ping.
type pinging struct {
	mutant
	ping func(ctx context.Context) error
}

// Ping implements [sink.Pinger].
func (p *pinging) Ping(ctx context.Context) error { return p.ping(ctx) }

// writing makes a mutant of a Write.
func writing(write func(s *Shelf, ctx context.Context, batch []sink.Record) error) func(m *mutant) {
	return func(m *mutant) { m.write = write }
}

// altering makes a mutant whose batches are others than those that it is given.
func altering(alter func(batch []sink.Record) []sink.Record) func(m *mutant) {
	return writing(func(s *Shelf, ctx context.Context, batch []sink.Record) error {
		return s.Write(ctx, alter(slices.Clone(batch)))
	})
}

// judging makes a mutant that returns other errors.
func judging(change func(s *Shelf, batch []sink.Record, err error) error) func(m *mutant) {
	return writing(func(s *Shelf, ctx context.Context, batch []sink.Record) error {
		return change(s, batch, s.Write(ctx, batch))
	})
}

// tripping makes a mutant of what it does with answers.
func tripping(change func(r *http.Response) (*http.Response, error)) func(m *mutant) {
	return func(m *mutant) { m.client.Transport = tripper{m.client.Transport, change} }
}

type tripper struct {
	http.RoundTripper
	change func(r *http.Response) (*http.Response, error)
}

// RoundTrip implements [http.RoundTripper].
func (t tripper) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := t.RoundTripper.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	return t.change(response)
}

// CloseIdleConnections is looked for by [http.Client].
func (t tripper) CloseIdleConnections() { t.RoundTripper.(*http.Transport).CloseIdleConnections() }

// verdictOf returns the *sink.Error in err, or an empty one.
func verdictOf(err error) *sink.Error {
	if e, ok := errors.AsType[*sink.Error](err); ok {
		return e
	}
	return &sink.Error{Err: err}
}

var mutants = []struct {
	name     string
	caughtBy string
	mutate   func(m *mutant)
}{
	{"it tries again itself", "Write makes one attempt", writing(func(s *Shelf, ctx context.Context, batch []sink.Record) error {
		if s.Write(ctx, batch) == nil {
			return nil
		}
		return s.Write(ctx, batch)
	})},
	{"it says of records that they are sent later, and sends none", "records of a month are stored, in as many attempts as it takes", writing(func(_ *Shelf, _ context.Context, batch []sink.Record) error {
		e := &sink.Error{Err: errors.New("the request is full")}
		for i := range batch {
			e.Items = append(e.Items, sink.ItemError{Index: i, Verdict: sink.Postponed})
		}
		return e
	})},
	{"it postpones a batch", "records of a month are stored, in as many attempts as it takes", writing(func(s *Shelf, ctx context.Context, batch []sink.Record) error {
		if batch[len(batch)-1].Time.Sub(batch[0].Time) > 24*time.Hour {
			return &sink.Error{Err: errors.New("the request is full"), Verdict: sink.Postponed}
		}
		return s.Write(ctx, batch)
	})},
	{"it waits itself", "Retry-After is understood", judging(func(_ *Shelf, _ []sink.Record, err error) error {
		time.Sleep(verdictOf(err).After)
		return err
	})},
	{"it does not understand dates", "Retry-After is understood", judging(func(_ *Shelf, _ []sink.Record, err error) error {
		if e := verdictOf(err); err != nil && e.After%time.Minute != 0 {
			e.After = 0
		}
		return err
	})},
	{"it takes an overflow for a second", "Retry-After that makes no sense does no harm", tripping(func(r *http.Response) (*http.Response, error) {
		if n, err := strconv.ParseUint(r.Header.Get("Retry-After"), 10, 64); err == nil && n > math.MaxInt64/uint64(time.Second) {
			r.Header.Set("Retry-After", "1")
		}
		return r, nil
	})},
	{"it ignores its context", "retry: the server never answers", writing(func(s *Shelf, ctx context.Context, batch []sink.Record) error {
		return s.Write(context.WithoutCancel(ctx), batch)
	})},
	{"it returns after its deadline", "retry: the server never answers", judging(func(_ *Shelf, _ []sink.Record, err error) error {
		if err != nil {
			time.Sleep(time.Millisecond)
		}
		return err
	})},
	{"it begins though its context has ended", "a context that has ended already ends Write", writing(func(s *Shelf, ctx context.Context, batch []sink.Record) error {
		return s.Write(context.WithoutCancel(ctx), batch)
	})},
	{"it swallows errors", "every status has the verdict of the table", judging(func(*Shelf, []sink.Record, error) error { return nil })},
	{"it swallows the loss of a connection", "retry: connections are refused", judging(func(_ *Shelf, _ []sink.Record, err error) error {
		if _, judged := errors.AsType[*sink.Error](err); judged {
			return err
		}
		return nil
	})},
	{"it takes 429 for a failure", "every status has the verdict of the table", judging(func(_ *Shelf, _ []sink.Record, err error) error {
		if e := verdictOf(err); e.Verdict == sink.Throttled {
			e.Verdict = sink.Retry
		}
		return err
	})},
	{"it names a record that is not in the batch", "every status has the verdict of the table", judging(func(_ *Shelf, batch []sink.Record, err error) error {
		if e := verdictOf(err); e.Verdict == sink.Rejected {
			for i := range len(batch) + 1 {
				e.Items = append(e.Items, sink.ItemError{Index: i, Verdict: sink.Rejected})
			}
		}
		return err
	})},
	{"it returns a nil of its own", "a batch is stored whole and in order", judging(func(_ *Shelf, _ []sink.Record, err error) error {
		e, _ := errors.AsType[*sink.Error](err)
		return e
	})},
	{"it takes every 200 for a success", "every answer with status 200 has the verdict of the table", judging(func(_ *Shelf, _ []sink.Record, err error) error {
		if err != nil && strings.Contains(err.Error(), "does not say") {
			return nil
		}
		return err
	})},
	{"it does not read the answer", "retry: the connection is closed within the body", tripping(func(r *http.Response) (*http.Response, error) {
		r.Body.Close()
		r.Body = io.NopCloser(strings.NewReader(`{"stored":5}`))
		return r, nil
	})},
	{"it reads all of the answer", "retry: the body does not end", tripping(readAll)},
	{"it reads what comes after a change of protocols", "retry: the answer is a change to another protocol", tripping(readAll)},
	{"it decompresses all of the answer", "retry: the body is 64 MiB in 64 KiB", tripping(readAll)},
	{"it follows redirects", "a redirect to another host is not followed", func(m *mutant) { m.client.CheckRedirect = nil }},
	{"it follows redirects on the same host", "a redirect on the same host is not followed", func(m *mutant) { m.client.CheckRedirect = nil }},
	{"it makes a connection for each request", "connections are used again", func(m *mutant) { m.client.Transport.(*http.Transport).DisableKeepAlives = true }},
	{"it tells its token", "no error holds a secret when there is no connection", judging(func(s *Shelf, _ []sink.Record, err error) error {
		if err != nil {
			err = fmt.Errorf("with %s: %w", s.token, err)
		}
		return err
	})},
	{"it repeats what the server says", "no error holds a secret that the server repeats", func(m *mutant) {
		var said atomic.Value
		tripping(func(r *http.Response) (*http.Response, error) {
			body, err := io.ReadAll(io.LimitReader(r.Body, 1000))
			said.Store(strings.Join(strings.Fields(string(body)), " "))
			return r, err
		})(m)
		judging(func(_ *Shelf, _ []sink.Record, err error) error {
			if text, ok := said.Load().(string); ok && err != nil {
				return errors.New("refused: " + text)
			}
			return err
		})(m)
	}},
	{"its errors have several lines", "errors are one line of text, whatever the server says", judging(func(_ *Shelf, _ []sink.Record, err error) error {
		if e := verdictOf(err); err != nil {
			e.Err = errors.New("failed:\nfor a reason")
			return e
		}
		return nil
	})},
	{"its errors begin with a capital letter", "retry: connections are refused", judging(func(_ *Shelf, _ []sink.Record, err error) error {
		if err != nil {
			err = fmt.Errorf("Post %w", err)
		}
		return err
	})},
	{"its errors say nothing", "an error says what the status was", judging(func(_ *Shelf, _ []sink.Record, err error) error {
		if e := verdictOf(err); err != nil {
			e.Err = errors.New("failed")
			return e
		}
		return nil
	})},
	{"it changes the batch", "the batch is not changed", judging(func(_ *Shelf, batch []sink.Record, err error) error {
		batch[len(batch)-1].JSON[0] = ' '
		return err
	})},
	{"it sends a batch with the next one", "nothing of a batch is used after Write", sendLater},
	{"it reverses the order", "a batch is stored whole and in order", altering(func(batch []sink.Record) []sink.Record {
		slices.Reverse(batch)
		return batch
	})},
	{"it drops empty records", "an empty record is stored", altering(func(batch []sink.Record) []sink.Record {
		return slices.DeleteFunc(batch, func(r sink.Record) bool { return string(r.JSON) == "{}" })
	})},
	{"it cannot do without a time", "a record without a time is stored", altering(func(batch []sink.Record) []sink.Record {
		for _, r := range batch {
			if r.Time.IsZero() {
				panic("no time")
			}
		}
		return batch
	})},
	{"it sends seconds", "a batch is stored whole and in order", altering(func(batch []sink.Record) []sink.Record {
		for i := range batch {
			batch[i].Time = batch[i].Time.Truncate(time.Second)
		}
		return batch
	})},
	{"it sorts by time, and not in a stable way", "records with equal times are stored in order", altering(func(batch []sink.Record) []sink.Record {
		if len(batch) > 1 && batch[0].Time.Equal(batch[1].Time) {
			batch[0], batch[1] = batch[1], batch[0]
		}
		return batch
	})},
	{"it escapes the text once more", "text is stored exactly", altering(func(batch []sink.Record) []sink.Record {
		for i := range batch {
			var b bytes.Buffer
			json.HTMLEscape(&b, batch[i].JSON)
			batch[i].JSON = b.Bytes()
		}
		return batch
	})},
	{"it makes identities of its own", "retry: the answer is lost, and the records are the same ones again", func(m *mutant) {
		var n atomic.Uint64
		altering(func(batch []sink.Record) []sink.Record {
			for i := range batch {
				batch[i].ID.Seq = n.Add(1)
			}
			return batch
		})(m)
	}},
	{"it has one identity for a batch", "two records never have the same identity", altering(func(batch []sink.Record) []sink.Record {
		for i := range batch {
			batch[i].ID = batch[0].ID
		}
		return batch
	})},
	{"it tries records again for ever that are too large", "a record of 512 KiB is stored, or is to blame itself", writing(func(s *Shelf, ctx context.Context, batch []sink.Record) error {
		if len(batch[0].JSON) > 1<<18 {
			return errors.New("too large")
		}
		return s.Write(ctx, batch)
	})},
	{"it has one Write at a time", "a Write that hangs does not hold up another", func(m *mutant) {
		free := make(chan struct{}, 1)
		m.write = func(s *Shelf, ctx context.Context, batch []sink.Record) error {
			free <- struct{}{}
			defer func() { <-free }()
			return s.Write(ctx, batch)
		}
	}},
	{"it loses what overlaps", "Writes may overlap", func(m *mutant) {
		var busy atomic.Bool
		m.write = func(s *Shelf, ctx context.Context, batch []sink.Record) error {
			if !busy.CompareAndSwap(false, true) {
				return nil
			}
			defer busy.Store(false)
			return s.Write(ctx, batch)
		}
	}},
	{"it leaves a goroutine behind that waits", "nothing is left after Close", writing(func(s *Shelf, ctx context.Context, batch []sink.Record) error {
		go func() { select {} }()
		return s.Write(ctx, batch)
	})},
	{"it leaves a goroutine behind that works", "nothing is left after Close", writing(func(s *Shelf, ctx context.Context, batch []sink.Record) error {
		go func() {
			for {
				time.Sleep(time.Minute)
			}
		}()
		return s.Write(ctx, batch)
	})},
	{"it leaves its connections open", "nothing is left after Close", func(m *mutant) {
		m.close = func(s *Shelf) error { s.closed.Store(true); return nil }
	}},
	{"it can be used after Close", "a Write after Close fails at once", func(m *mutant) {
		m.close = func(s *Shelf) error { s.client.CloseIdleConnections(); return nil }
	}},
	{"it waits after Close", "a Write after Close fails at once", writing(func(s *Shelf, ctx context.Context, batch []sink.Record) error {
		if s.closed.Load() {
			<-ctx.Done()
		}
		return s.Write(ctx, batch)
	})},
	{"its Close waits", "Close does not wait for a Write that hangs", func(m *mutant) {
		var writes sync.WaitGroup
		m.write = func(s *Shelf, ctx context.Context, batch []sink.Record) error {
			writes.Add(1)
			defer writes.Done()
			return s.Write(ctx, batch)
		}
		m.close = func(s *Shelf) error { writes.Wait(); return s.Close() }
	}},
	{"its Close waits for ever", "a sink that wrote nothing closes", func(m *mutant) {
		m.close = func(*Shelf) error { select {} }
	}},
}

// readAll reads all of an answer before anybody looks at it.
func readAll(r *http.Response) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	r.Body.Close()
	r.Body = io.NopCloser(bytes.NewReader(body))
	return r, nil
}

// sendLater has Write send the batch before, and keep its own.
func sendLater(m *mutant) {
	var kept []sink.Record
	m.write = func(s *Shelf, ctx context.Context, batch []sink.Record) error {
		before := kept
		kept = batch
		if before == nil {
			return nil
		}
		return s.Write(ctx, before)
	}
}

// mutated returns the target of the example with a mutant in it.
func mutated(mutate func(m *mutant)) sinktest.Target {
	target := shelfTarget()
	newSink := target.New
	target.New = func(tb testing.TB, dial sinktest.Dial) sink.Sink {
		m := &mutant{Shelf: newSink(tb, dial).(*Shelf)}
		mutate(m)
		return m
	}
	return target
}

func TestWrongSinksAreCaught(t *testing.T) {
	for _, m := range mutants {
		t.Run(m.name, func(t *testing.T) {
			r := sinktest.Examine(t, mutated(m.mutate), m.caughtBy)
			if len(r.Examined) != 1 || len(r.Deviations) == 0 || r.Deviations[0].Behaviour != m.caughtBy {
				t.Errorf("it is not caught by %q: %v", m.caughtBy, r)
			}
			if strings.Contains(r.String(), "a-secret-token") {
				t.Error("the report holds a secret")
			}
		})
	}
}

func TestSinkThatNeedsItsServerAtTheStartIsCaught(t *testing.T) {
	target := shelfTarget()
	newSink := target.New
	target.New = func(tb testing.TB, dial sinktest.Dial) sink.Sink {
		conn, err := dial(t.Context(), "tcp", "shelf.example:80")
		if err != nil {
			tb.Fatal(err)
		}
		conn.Close()
		return newSink(tb, dial)
	}
	const name = "the server may be away when the sink is made"
	if r := sinktest.Examine(t, target, name); len(r.Deviations) == 0 {
		t.Error(r)
	}
}

func TestWrongPingsAreCaught(t *testing.T) {
	for _, c := range []struct {
		name, caughtBy string
		ping           func(s *Shelf, ctx context.Context) error
	}{
		{"it always succeeds", "Ping fails without a connection", func(*Shelf, context.Context) error { return nil }},
		{"it does not look at the status", "Ping fails while the server is not well", func(s *Shelf, ctx context.Context) error {
			return ping(s, ctx, func(int) bool { return true })
		}},
		{"it writes a record", "Ping succeeds, and sends no record", func(s *Shelf, ctx context.Context) error {
			return s.Write(ctx, []sink.Record{{JSON: []byte(`{}`)}})
		}},
		{"it hangs", "Ping fails if the server never answers", func(s *Shelf, _ context.Context) error {
			return ping(s, context.Background(), func(status int) bool { return status < 500 })
		}},
		{"it can be used after Close", "Ping fails after Close", func(s *Shelf, ctx context.Context) error {
			return ping(s, ctx, func(status int) bool { return status < 500 })
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			target := shelfTarget()
			newSink := target.New
			target.New = func(tb testing.TB, dial sinktest.Dial) sink.Sink {
				s := newSink(tb, dial).(*Shelf)
				return &pinging{mutant{Shelf: s}, func(ctx context.Context) error { return c.ping(s, ctx) }}
			}
			if r := sinktest.Examine(t, target, c.caughtBy); len(r.Examined) != 1 || len(r.Deviations) == 0 {
				t.Errorf("it is not caught: %v", r)
			}
		})
	}
}

// ping makes a GET, whose status is to be well.
func ping(s *Shelf, ctx context.Context, well func(status int) bool) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url, nil)
	if err != nil {
		return err
	}
	response, err := s.client.Do(r)
	if err != nil {
		return s.plain(err)
	}
	defer response.Body.Close()
	if !well(response.StatusCode) {
		return errors.New("the server is not well")
	}
	return nil
}
