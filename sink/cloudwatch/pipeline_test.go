package cloudwatch

import (
	"context"
	"log/slog"
	"math/bits"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fapilog/fapilog"
	"github.com/fapilog/fapilog/breaker"
	"github.com/fapilog/fapilog/sink"
	"github.com/fapilog/fapilog/sink/cloudwatch/cwtest"
)

// pipelined runs a test of a pipeline that has the server as its only sink, in a synctest bubble.
func pipelined(t *testing.T, server *cwtest.Server, d fapilog.Delivery, test func(t *testing.T, n *network, p *fapilog.Pipeline)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		n := serve(t, server)
		s, err := New(n.config(nil))
		if err != nil {
			t.Fatal(err)
		}
		p, err := fapilog.New(context.Background(), fapilog.Config{
			Routes:      []fapilog.Route{{Name: "cloudwatch", Sink: s, Delivery: d}},
			Diagnostics: slog.New(slog.DiscardHandler),
		})
		if err != nil {
			t.Fatal(err)
		}
		test(t, n, p)
		if err := p.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
}

// number logs n records {"n":first} and so on, at these times.
func number(t testing.TB, p *fapilog.Pipeline, first, n int, when func(n int) time.Time) {
	t.Helper()
	for i := first; i < first+n; i++ {
		r := slog.NewRecord(when(i), slog.LevelInfo, "x", 0)
		r.AddAttrs(slog.Int("n", i))
		if err := p.Handler().Handle(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
}

func flush(t testing.TB, p *fapilog.Pipeline, limit time.Duration) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	if err := p.Flush(ctx); err != nil {
		t.Fatal(err)
	}
}

// row returns the sink's row of the ledger, which closes.
func row(t testing.TB, p *fapilog.Pipeline) fapilog.SinkStats {
	t.Helper()
	s := p.Stats().Sinks[0]
	dropped := uint64(0)
	for _, n := range s.Dropped {
		dropped += n
	}
	if sum := s.Filtered + s.Delivered + s.Diverted + s.Quarantined + dropped + s.Pending; s.Appended != sum {
		t.Errorf("%d records are appended, and %d accounted for: %+v", s.Appended, sum, s)
	}
	return s
}

func now(int) time.Time { return time.Now() }

// unique returns how many different messages the stream has.
func (n *network) unique() int {
	seen := make(map[string]bool)
	for _, text := range n.texts() {
		seen[text] = true
	}
	return len(seen)
}

func TestRecordsThatCloudWatchRefusesAreQuarantinedAndTheOthersDelivered(t *testing.T) {
	dir := t.TempDir()
	pipelined(t, new(cwtest.Server), fapilog.Delivery{Quarantine: dir}, func(t *testing.T, n *network, p *fapilog.Pipeline) {
		number(t, p, 0, 3000, func(i int) time.Time {
			switch i {
			case 700:
				return time.Now().Add(-15 * 24 * time.Hour)
			case 1500:
				return time.Now().Add(3 * time.Hour)
			}
			return time.Now()
		})
		flush(t, p, time.Minute)
		if s := row(t, p); s.Delivered != 2998 || s.Quarantined != 2 || s.Circuit != breaker.Closed {
			t.Errorf("%+v", s)
		}
		if got := len(n.texts()); got != 2998 || n.unique() != 2998 {
			t.Errorf("%d arrived, %d different ones", got, n.unique())
		}
		// Each of two batches has one request more, for what is not of the same day. A batch
		// that is read while its last record is still being written leaves that to a fourth.
		puts := 0
		for _, r := range n.Requests() {
			if r.Operation == "PutLogEvents" && r.Code == "" {
				puts++
			}
		}
		if puts > 4+2 {
			t.Errorf("%d requests", puts)
		}
	})
	text := ""
	files, _ := filepath.Glob(filepath.Join(dir, "*"))
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		text += string(b)
	}
	for _, want := range []string{`"n":700}`, errTooOld.Error(), `"n":1500}`, errTooNew.Error()} {
		if !strings.Contains(text, want) {
			t.Errorf("the quarantine is without %s:\n%s", want, text)
		}
	}
}

// A journal that holds days is delivered day by day, and costs the circuit nothing.
func TestABacklogOfDaysIsDelivered(t *testing.T) {
	pipelined(t, new(cwtest.Server), fapilog.Delivery{}, func(t *testing.T, n *network, p *fapilog.Pipeline) {
		start := time.Now().Add(-10 * 24 * time.Hour)
		number(t, p, 0, 2400, func(i int) time.Time { return start.Add(time.Duration(i) * 6 * time.Minute) })
		flush(t, p, time.Minute)
		if s := row(t, p); s.Delivered != 2400 || s.Circuit != breaker.Closed {
			t.Errorf("%+v", s)
		}
		if len(n.texts()) != 2400 || n.unique() != 2400 {
			t.Errorf("%d arrived", len(n.texts()))
		}
	})
}

// A batch that is refused as a whole, for a reason that the service does not tell record by record, is searched.
func TestTheGuiltyRecordIsSearchedFor(t *testing.T) {
	server := &cwtest.Server{MaxEvent: 4 << 10} // and nobody has said so to the sink
	pipelined(t, server, fapilog.Delivery{}, func(t *testing.T, n *network, p *fapilog.Pipeline) {
		n.Create("app", "web")
		number(t, p, 0, 500, now)
		p.Logger().Info(strings.Repeat("x", 5000))
		number(t, p, 500, 499, now)
		flush(t, p, time.Minute)
		s := row(t, p)
		if s.Delivered != 999 || s.Dropped["too_large"] != 1 || s.Circuit != breaker.Closed {
			t.Errorf("%+v", s)
		}
		if extra, most := len(n.Requests())-1, 2*bits.Len(1000)+4; extra > most || n.unique() != 999 {
			t.Errorf("%d requests more than a batch, want at most %d; %d arrived", extra, most, n.unique())
		}
	})
}

func TestThrottlingIsWaitedOut(t *testing.T) {
	pipelined(t, &cwtest.Server{PerSecond: 1}, fapilog.Delivery{BatchRecords: 10}, func(t *testing.T, n *network, p *fapilog.Pipeline) {
		n.Create("app", "web")
		number(t, p, 0, 300, now)
		flush(t, p, 10*time.Minute)
		if s := row(t, p); s.Delivered != 300 || s.Circuit != breaker.Closed || n.unique() != 300 || len(n.texts()) != 300 {
			t.Errorf("%+v; %d arrived", s, len(n.texts()))
		}
		for change, times := range p.Metrics()[0].Transitions {
			t.Errorf("the circuit changed %v %d times", change, times)
		}
	})
}

func TestRetryAfterIsKept(t *testing.T) {
	server := new(cwtest.Server)
	server.Answer = func(n int, _ string, w http.ResponseWriter, _ *http.Request) bool {
		if n == 1 {
			w.Header().Set("Retry-After", "60")
			cwtest.Fail(w, "ThrottlingException", "Rate exceeded")
		}
		return n == 1
	}
	pipelined(t, server, fapilog.Delivery{}, func(t *testing.T, n *network, p *fapilog.Pipeline) {
		n.Create("app", "web")
		number(t, p, 0, 1, now)
		flush(t, p, 10*time.Minute)
		requests := n.Requests()
		if wait := requests[1].At.Sub(requests[0].At); wait < time.Minute || wait > 72*time.Second {
			t.Errorf("waited %v for Retry-After: 60", wait)
		}
	})
}

func TestAnOutageOfTenMinutesLosesNothing(t *testing.T) {
	pipelined(t, new(cwtest.Server), fapilog.Delivery{}, func(t *testing.T, n *network, p *fapilog.Pipeline) {
		n.Create("app", "web")
		number(t, p, 0, 100, now)
		flush(t, p, time.Minute)
		n.down = true
		for _, c := range n.conns {
			c.Reset()
		}
		start, dials := time.Now(), n.dials
		for i := range 600 {
			number(t, p, 100+i, 1, now)
			time.Sleep(time.Second)
		}
		// The backoffs of five failures, and then a probe each 30 s.
		if tried := n.dials - dials; tried > 5+int(time.Since(start)/(30*time.Second))+1 {
			t.Errorf("%d attempts in %v", tried, time.Since(start))
		}
		n.down = false
		healed := time.Now()
		flush(t, p, 42*time.Second)
		if s := row(t, p); s.Delivered != 700 || s.Circuit != breaker.Closed || n.unique() != 700 || len(n.texts()) != 700 {
			t.Errorf("%v after the end: %+v; %d arrived", time.Since(healed), s, len(n.texts()))
		}
	})
}

// CloudWatch Logs knows no identity of events: what is lost is the answer, and what is there twice is one batch.
func TestALostAnswerDoublesOneBatch(t *testing.T) {
	server := new(cwtest.Server)
	server.Lose = func(n int, operation string) bool { return operation == "PutLogEvents" && n == 3 }
	pipelined(t, server, fapilog.Delivery{BatchRecords: 10}, func(t *testing.T, n *network, p *fapilog.Pipeline) {
		n.Create("app", "web")
		number(t, p, 0, 100, now)
		flush(t, p, time.Minute)
		if s := row(t, p); s.Delivered != 100 || n.unique() != 100 || len(n.texts()) > 110 {
			t.Errorf("%+v; %d arrived, %d different ones", s, len(n.texts()), n.unique())
		}
	})
}

var _ sink.Pinger = (*destination)(nil)

// It takes a request for each day, none of which fails.
func TestABacklogOfDaysDoesNotExpireBeforeItIsSent(t *testing.T) {
	pipelined(t, new(cwtest.Server), fapilog.Delivery{RetryFor: time.Millisecond}, func(t *testing.T, n *network, p *fapilog.Pipeline) {
		start := time.Now().Add(-13 * 24 * time.Hour)
		number(t, p, 0, 13*24, func(n int) time.Time { return start.Add(time.Duration(n) * time.Hour) })
		flush(t, p, time.Hour)
		if s := row(t, p); s.Delivered != 13*24 || s.Failures != 0 || s.LastError != "" || n.unique() != 13*24 {
			t.Errorf("%d arrived: %+v", n.unique(), s)
		}
	})
}
