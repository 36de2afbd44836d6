package loki

import (
	"strings"
	"testing"
	"time"

	"github.com/fapilog/fapilog"
	"github.com/fapilog/fapilog/sink"
)

// Loki refuses what is more than an hour older than the newest record of its stream,
// even what it has.
func TestABacklogOfHoursSurvivesLostAnswersAndABadRecord(t *testing.T) {
	inBubble(t, func(t *testing.T, server *fakeLoki) {
		server.maxLine = 300
		server.set(func() { server.lose = func(n int) bool { return n%3 == 1 } })
		p := server.pipeline(fapilog.Delivery{}, nil)
		start := time.Now().Add(-3 * time.Hour)
		when := func(n int) time.Time { return start.Add(time.Duration(n) * 108 * time.Second) }
		number(t, p, 0, 90, when)
		log := p.Logger()
		log.Info("x", "n", 1000, "note", strings.Repeat("x", 300))
		number(t, p, 90, 10, when)
		flush(t, p, time.Hour)
		server.arrived(100)
		if s := row(t, p); s.Delivered != 100 || s.Dropped[fapilog.DroppedRejected] != 1 {
			t.Errorf("%+v", s)
		}
	})
}

func TestRecordsFarApartGoInRequestsOfTheirOwn(t *testing.T) {
	inBubble(t, func(t *testing.T, server *fakeLoki) {
		s := server.open(func(c *Config) { c.LabelFields = []string{"a"} })
		batch := records(`{"a":1}`, `{"a":1,"n":1}`, `{"a":2}`, `{"a":1,"n":2}`)
		now := time.Now()
		for i, ago := range []time.Duration{2 * time.Hour, 70 * time.Minute, 0, 70*time.Minute - 1} {
			batch[i].Time = now.Add(-ago)
		}
		items := itemsOf(t, write(s, batch))
		if len(items) != 1 || items[0].Index != 3 || items[0].Verdict != sink.Postponed || items[0].Err != errPostponed {
			t.Errorf("%+v", items)
		}
		mustWrite(t, s, batch[3:])
		if n := len(server.all()); n != 4 {
			t.Errorf("%d arrived, want 4", n)
		}
	})
}

// It is sent in one request for each span, none of which fails.
func TestABacklogOfDaysDoesNotExpireBeforeItIsSent(t *testing.T) {
	inBubble(t, func(t *testing.T, server *fakeLoki) {
		p := server.pipeline(fapilog.Delivery{RetryFor: time.Second}, nil)
		start := time.Now().Add(-300 * time.Hour)
		number(t, p, 0, 300, func(n int) time.Time { return start.Add(time.Duration(n) * time.Hour) })
		flush(t, p, time.Hour)
		server.arrived(300)
		if s := row(t, p); s.Delivered != 300 || s.Failures != 0 || s.LastError != "" || len(server.pushes()) != 300 {
			t.Errorf("%d requests: %+v", len(server.pushes()), s)
		}
	})
}
