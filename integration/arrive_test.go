package integration

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fapilog/fapilog"
)

// server is a real one that a sink delivers to.
type server interface {
	// up starts it, at the same address and with the same data each time, and waits
	// until it is ready.
	up(t *testing.T)

	// kill kills it, as kill -9 does.
	kill()

	// uri is that of the sink, with secrets in it.
	uri() string

	limits() limits

	// seen returns all records that it has, in its order. They are not older than from.
	seen(t *testing.T, from time.Time) []record
}

// limits are what is peculiar to a server.
type limits struct {
	record     int  // longest JSON of a record that it takes, in bytes
	burst      int  // most records that it takes at once, as nobody tells it to slow down; 0: any number
	unanswered bool // it confirms nothing
}

const (
	rsyslogTCP = "rsyslog over TCP"
	rsyslogTLS = "rsyslog over TLS"
	rsyslogUDP = "rsyslog over UDP"
	moto       = "CloudWatch Logs by moto"
)

// servers are all of them, by the name of the subtest.
func servers() map[string]func(t *testing.T) server {
	return map[string]func(t *testing.T) server{
		"Loki":                    func(t *testing.T) server { return newLoki(t) },
		"OpenTelemetry Collector": func(t *testing.T) server { return newOtelcol(t) },
		"nginx":                   func(t *testing.T) server { return newNginx(t, false) },
		"nginx with TLS":          func(t *testing.T) server { return newNginx(t, true) },
		moto:                      func(t *testing.T) server { return newMoto(t) },
		rsyslogTCP:                func(t *testing.T) server { return newRsyslog(t, "tcp") },
		rsyslogTLS:                func(t *testing.T) server { return newRsyslog(t, "tls") },
		rsyslogUDP:                func(t *testing.T) server { return newRsyslog(t, "udp") },
	}
}

// toServer opens a pipeline with the server at the URI as its only sink, whose callers wait while
// the journal is full. Nothing that it says may hold a secret; that is found out when
// the test ends.
func toServer(t *testing.T, uri string, d fapilog.Delivery) *fapilog.Pipeline {
	t.Helper()
	var said log
	d.OnFull, d.BlockTimeout = fapilog.Block, fapilog.Forever
	p, err := fapilog.New(t.Context(), fapilog.Config{
		Routes:      []fapilog.Route{{Name: "server", URI: uri, Delivery: d}},
		Diagnostics: slog.New(slog.NewTextHandler(&said, nil)),
		OnEvent:     func(e fapilog.Event) { fmt.Fprintf(&said, "%+v\n", e) },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := p.Close(ctx); err != nil {
			t.Error(err)
		}
		fmt.Fprintf(&said, "%+v\n", p.Stats())
		noSecret(t, string(said.tail(1<<20)))
		if t.Failed() {
			t.Logf("the pipeline has said\n%s", said.tail(4<<10))
		}
	})
	return p
}

// noSecret fails the test if a secret of any server's URI is in the text. It does not
// say which.
func noSecret(t *testing.T, text string) {
	t.Helper()
	if hasSecret(text) {
		t.Error("a secret of the URI is in what was said")
	}
}

func hasSecret(text string) bool {
	return slices.ContainsFunc([]string{"canaryuser", "canarypassword", "canarytoken"}, func(secret string) bool {
		return strings.Contains(text, secret)
	})
}

func TestTheScanFindsAPlantedSecret(t *testing.T) {
	for name, s := range map[string]server{"in a URI": &lokiServer{}, "in a header": &otelcolServer{}, "in a query": &nginxServer{}} {
		if !hasSecret("no answer from " + s.uri()) {
			t.Error(name)
		}
	}
	if hasSecret("no answer from http://***:***@127.0.0.1/logs") {
		t.Error("where there is none")
	}
}

// flush waits until the sink has everything.
func flush(t *testing.T, p *fapilog.Pipeline) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Second)
	defer cancel()
	if err := p.Flush(ctx); err != nil {
		t.Fatalf("%v: %+v", err, p.Stats())
	}
}

// Over UDP nobody counts what is lost. On the loopback interface nothing is as long as
// the server's receive buffer has room, so the test sends a few records at a time and waits
// until the server has written them.
func TestAServerHasEveryRecordOnceExactAndInOrder(t *testing.T) {
	for name, start := range servers() {
		t.Run(name, func(t *testing.T) {
			s, n := start(t), records(t)
			s.up(t)
			p := toServer(t, s.uri(), fapilog.Delivery{})
			l := load{start: time.Now(), size: s.limits().record}
			begin := time.Now()
			for i := range n {
				if err := l.log(p.Handler(), i); err != nil {
					t.Fatal(err)
				}
				if burst := s.limits().burst; burst > 0 && i%burst == burst-1 {
					flush(t, p)
					s.(*rsyslogServer).catchUp(t, i+1)
				}
			}
			flush(t, p)
			t.Logf("%d records in %v", n, time.Since(begin).Round(time.Millisecond))
			row := p.Stats().Sinks[0]
			if row.Delivered != uint64(n) || row.Appended != uint64(n) || row.Failures != 0 {
				t.Errorf("the row is %+v", row)
			}
			within(t, "the server has written", func() error { // some do so after they have answered
				if lost := len(l.compare(s.seen(t, l.start), n).lost); lost > 0 {
					return fmt.Errorf("%d records are not there", lost)
				}
				return nil
			})
			l.check(t, s.seen(t, l.start), n, 0)
		})
	}
}
