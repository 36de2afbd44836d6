package admin

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fapilog/fapilog"
	"github.com/fapilog/fapilog/breaker"
	"github.com/fapilog/fapilog/sink/sinktest"
)

func TestHealthIsThatOfTheWorstPart(t *testing.T) {
	memory, disk := (*fapilog.JournalStats)(nil), &fapilog.JournalStats{OnDisk: true}
	failing := &fapilog.JournalStats{Err: "no space left on device"}
	sinks := func(k ...fapilog.SinkStats) []fapilog.SinkStats {
		k = append(k, fapilog.SinkStats{Name: "fine", Circuit: breaker.Closed, LastError: "long ago"})
		k[0].Name = "a"
		return k
	}
	for _, test := range []struct {
		name    string
		state   fapilog.State
		journal *fapilog.JournalStats
		sinks   []fapilog.SinkStats
		want    status
		of      status // of the sink a
	}{
		{"all is well", fapilog.StateOpen, memory, sinks(fapilog.SinkStats{}), statusOK, statusOK},
		{"in files", fapilog.StateOpen, disk, sinks(fapilog.SinkStats{}), statusOK, statusOK},
		{"it closes", fapilog.StateClosing, disk, sinks(fapilog.SinkStats{}), statusOK, statusOK},
		{"it is closed", fapilog.StateClosed, disk, sinks(fapilog.SinkStats{}), statusClosed, statusOK},
		{"the disk fails", fapilog.StateOpen, failing, sinks(fapilog.SinkStats{}), statusDegraded, statusOK},
		{"a circuit is open", fapilog.StateOpen, memory, sinks(fapilog.SinkStats{Circuit: breaker.Open}), statusDegraded, statusDegraded},
		{"a circuit is half-open", fapilog.StateOpen, memory, sinks(fapilog.SinkStats{Circuit: breaker.HalfOpen}), statusDegraded, statusDegraded},
		{"a sink is parked", fapilog.StateOpen, memory, sinks(fapilog.SinkStats{Parked: true, Circuit: breaker.HalfOpen}), statusDegraded, statusParked},
		{"a sink is gone", fapilog.StateOpen, memory, sinks(fapilog.SinkStats{Gone: true, Parked: true}), statusDegraded, statusGone},
		{"it is closed with a sick sink", fapilog.StateClosed, failing, sinks(fapilog.SinkStats{Gone: true}), statusClosed, statusGone},
	} {
		h := healthOf(test.state, fapilog.Stats{Journal: test.journal, Sinks: test.sinks})
		if h.Status != test.want || h.Sinks["a"].Status != test.of || h.Sinks["fine"].Status != statusOK || h.State != test.state {
			t.Errorf("%s: %+v", test.name, h)
		}
		if degraded := test.journal == failing; (h.Journal.Status == statusDegraded) != degraded || (h.Journal.Error != "") != degraded || h.Journal.Durable != (test.journal != nil) {
			t.Errorf("%s: %+v", test.name, h.Journal)
		}
	}
}

func TestHealthzIs503ForTheSinksThatAreAskedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := Handler(sick(t))
		for query, want := range map[string]int{
			"":                              200,
			"?sinks=well":                   200,
			"?sinks=well,picky,spare":       200,
			"?sinks=all":                    503,
			"?sinks=open":                   503,
			"?sinks=well,parked":            503,
			"?sinks=gone":                   503,
			"?sinks=hanging":                503,
			"?sinks=well,nobody":            404,
			"?sinks=gone,nobody":            404,
			"?sinks=":                       404,
			"?sinks=well,":                  404,
			"?sinks=well&sinks=gone":        400,
			"?sink=gone":                    400,
			"?sinks=%zz":                    400,
			"?sinks=" + "%22%0aevil%3cb%3e": 404,
		} {
			w := ask(h, "GET", "/healthz"+query, "")
			if w.Code != want {
				t.Errorf("%q: %d, want %d: %s", query, w.Code, want, w.Body)
			}
			if kind := w.Header().Get("Content-Type"); (kind == "application/json") != (want == 200 || want == 503) {
				t.Errorf("%q: %s", query, kind)
			}
		}
	})
}

func TestHealthzTellsOfEverySink(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const want = `{"status":"degraded","state":"open","journal":{"status":"ok","durable":false,"bytes":0},"sinks":{` +
			`"a":{"status":"ok","pending":0,"oldest_pending_seconds":0,"circuit":"closed"},` +
			`"b":{"status":"degraded","pending":2,"oldest_pending_seconds":3,"circuit":"open","last_error":"connection refused"}}}` + "\n"
		p := open(t, fapilog.Config{Routes: []fapilog.Route{
			{Name: "a", Sink: new(sinktest.Memory)},
			{Name: "b", Sink: &sinktest.Script{Then: sinktest.Fail(errDown)}, Delivery: fapilog.Delivery{Breaker: breaker.Config{Failures: 1}}},
		}})
		log(t, p, slog.LevelInfo, 2)
		time.Sleep(3 * time.Second)
		got := ask(Handler(p), "GET", "/healthz", "").Body.String()
		if before, after, ok := strings.Cut(got, `"bytes":`); ok {
			got = before + `"bytes":0` + strings.TrimLeft(after, "0123456789")
		}
		if got != want {
			t.Errorf("got\n%swant\n%s", got, want)
		}
	})
}

func TestReadyWhileOpenAndHealthyUntilClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := &sinktest.Script{Then: sinktest.Slow(5 * time.Second)}
		p := open(t, fapilog.Config{Routes: []fapilog.Route{{Name: "a", Sink: slow}}})
		h := Handler(p)
		is := func(when string, ready, healthy int, state fapilog.State) {
			t.Helper()
			r, z := ask(h, "GET", "/readyz", ""), ask(h, "GET", "/healthz?sinks=all", "")
			if r.Code != ready || z.Code != healthy || r.Body.String() != `{"state":"`+string(state)+`"}`+"\n" {
				t.Errorf("%s: ready %d %s, healthy %d %s", when, r.Code, r.Body, z.Code, z.Body)
			}
		}
		is("open", 200, 200, fapilog.StateOpen)
		log(t, p, slog.LevelInfo, 1)
		closed := make(chan error)
		go func() { closed <- p.Close(t.Context()) }()
		time.Sleep(time.Second)
		is("closing", 503, 200, fapilog.StateClosing)
		if err := <-closed; err != nil {
			t.Error(err)
		}
		is("closed", 503, 503, fapilog.StateClosed)
	})
}

func TestStatsAreTheLedger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := sick(t)
		w := ask(Handler(p), "GET", "/stats", "")
		var got fapilog.Stats
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
			t.Fatal(err)
		}
		want, err := json.Marshal(p.Stats())
		if err != nil {
			t.Fatal(err)
		}
		again, err := json.Marshal(got)
		if err != nil || string(again) != string(want) || w.Code != http.StatusOK || w.Header().Get("Content-Type") != "application/json" {
			t.Errorf("%d %v %s\nwant %s", w.Code, err, again, want)
		}
	})
}
