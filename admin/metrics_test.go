package admin

import (
	"flag"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fapilog/fapilog"
	"github.com/fapilog/fapilog/breaker"
	"github.com/fapilog/fapilog/journal"
	"github.com/fapilog/fapilog/sink"
	"github.com/fapilog/fapilog/sink/sinktest"
)

var update = flag.Bool("update", false, "rewrite what is generated: testdata/metrics.txt, and the tables in docs/metrics.md")

// sick opens a pipeline with a sink in every state, and logs. After it, nothing
// moves for 20 s.
func sick(t *testing.T) *fapilog.Pipeline {
	t.Helper()
	once := fapilog.Delivery{Breaker: breaker.Config{Failures: 1}}
	down := func() *sinktest.Script { return &sinktest.Script{Then: sinktest.Fail(errDown)} }
	skip, divert := once, once
	skip.OnOpen = fapilog.Skip
	divert.OnOpen, divert.Fallback = fapilog.Fallback, "spare"
	hanging := &sinktest.Script{Then: sinktest.Stuck()}
	p := open(t, fapilog.Config{Routes: []fapilog.Route{
		{Name: "well", Sink: &sinktest.Script{Then: sinktest.Slow(30 * time.Millisecond)}},
		{Name: "picky", Sink: new(sinktest.Memory), Delivery: fapilog.Delivery{Level: slog.LevelError}},
		{Name: "open", Sink: down(), Delivery: once},
		{Name: "skipping", Sink: down(), Delivery: skip},
		{Name: "diverting", Sink: down(), Delivery: divert},
		{Name: "spare", Sink: new(sinktest.Memory), Standby: true},
		{Name: "parked", Sink: &sinktest.Script{Then: sinktest.Verdict(sink.Park, 0)}},
		{Name: "gone", Sink: &sinktest.Script{Then: sinktest.Verdict(sink.Gone, 0)}},
		{Name: "refusing", Sink: &sinktest.Script{Then: sinktest.Verdict(sink.Rejected, 0)}},
		{Name: "hanging", Sink: hanging, Delivery: fapilog.Delivery{Timeout: time.Second, Breaker: breaker.Config{Failures: 1}}},
		{Name: "recovered", Sink: &sinktest.Script{Steps: []sinktest.Step{sinktest.Fail(errDown), sinktest.Fail(errDown)}},
			Delivery: fapilog.Delivery{Breaker: breaker.Config{Failures: 1, Recovery: 2 * time.Second}}},
	}})
	t.Cleanup(hanging.Release)
	log(t, p, slog.LevelInfo, 3)
	log(t, p, slog.LevelError, 4)
	time.Sleep(5 * time.Second)
	return p
}

// volatile are lines whose values differ from build to build.
var volatile = regexp.MustCompile(`(?m)^fapilog_build_info\{.*$`)

func TestMetricsOfSinksInEveryStateAreThoseOfTheGoldenFile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := ask(Handler(sick(t)), "GET", "/metrics", "")
		if got := w.Header().Get("Content-Type"); got != "text/plain; version=0.0.4; charset=utf-8" {
			t.Errorf("Content-Type: %s", got)
		}
		got := volatile.ReplaceAllString(w.Body.String(), `fapilog_build_info{version="v1.2.3",goversion="go1.26"} 1`)
		const file = "testdata/metrics.txt"
		if *update {
			if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if got != string(want) {
			t.Errorf("not what %s has; after a change that is meant, go test ./admin -run Golden -update\n%s", file, difference(string(want), got))
		}
	})
}

// difference returns the lines that only one of the pages has.
func difference(want, got string) string {
	var b strings.Builder
	only := func(sign, a, other string) {
		lines := strings.Split(other, "\n")
		for _, line := range strings.Split(a, "\n") {
			if !slices.Contains(lines, line) {
				b.WriteString(sign + line + "\n")
			}
		}
	}
	only("-", want, got)
	only("+", got, want)
	return b.String()
}

func TestTheLedgerFollowsFromTheMetrics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := sick(t)
		page := read(t, p)
		s := p.Stats()
		if offered := page.sum("fapilog_offered_records_total", nil); offered != 7 ||
			offered != page.sum("fapilog_appended_records_total", nil)+page.sum("fapilog_refused_records_total", nil) {
			t.Errorf("the pipeline's row does not add up: %v", page.samples)
		}
		for i, k := range s.Sinks {
			of := map[string]string{"sink": k.Name}
			appended := page.sum("fapilog_sink_appended_records_total", of)
			if settled := page.sum("fapilog_records_total", of); appended != float64(k.Appended) || appended != settled+page.sum("fapilog_pending_records", of) {
				t.Errorf("%s: appended %v, settled %v, pending %v", k.Name, appended, settled, page.sum("fapilog_pending_records", of))
			}
			var attempts uint64
			for _, n := range p.Metrics()[i].Attempts {
				attempts += n
			}
			if got := page.sum("fapilog_attempts_total", of); got != float64(attempts) || attempts != k.Attempts {
				t.Errorf("%s: %v attempts, want %d and %d", k.Name, got, attempts, k.Attempts)
			}
			var changes uint64
			for _, n := range p.Metrics()[i].Transitions {
				changes += n
			}
			if got := page.sum("fapilog_breaker_transitions_total", of); got != float64(changes) {
				t.Errorf("%s: %v transitions, want %d", k.Name, got, changes)
			}
		}
	})
}

// read returns the page of p, parsed.
func read(t *testing.T, p *fapilog.Pipeline) *parsed {
	t.Helper()
	page, err := parse(ask(Handler(p), "GET", "/metrics", "").Body.String())
	if err != nil {
		t.Fatal(err)
	}
	return page
}

// rate() sees an increase only in a series that was there before it.
func TestEverySeriesIsThereFromTheFirstScrape(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := sick(t)
		h := Handler(p).(*handler)
		late := read(t, p)
		early := h.snapshot()
		for i := range early.stats.Sinks {
			early.stats.Sinks[i] = fapilog.SinkStats{Name: early.stats.Sinks[i].Name}
			early.metrics[i] = fapilog.SinkMetrics{Name: early.metrics[i].Name, Write: early.metrics[i].Write}
		}
		text := new(text)
		for _, f := range families {
			text.begin(f)
			f.write(text, early)
		}
		first, err := parse(string(text.b))
		if err != nil {
			t.Fatal(err)
		}
		for series := range late.samples {
			if _, ok := first.samples[series]; !ok {
				t.Errorf("%s is not there at first", series)
			}
		}
	})
}

func TestStateAndRefusedRecordsAreMetrics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := two(t)
		if err := p.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		_ = p.Handler().Handle(t.Context(), slog.NewRecord(time.Now(), slog.LevelInfo, "late", 0))
		page := read(t, p)
		for series, want := range map[string]float64{
			"fapilog_pipeline_state" + "map[state:open]":           0,
			"fapilog_pipeline_state" + "map[state:closing]":        0,
			"fapilog_pipeline_state" + "map[state:closed]":         1,
			"fapilog_refused_records_total" + "map[reason:closed]": 1,
			"fapilog_offered_records_total" + "map[]":              1,
			"fapilog_journal_durable" + "map[]":                    0,
			"fapilog_journal_on_disk" + "map[]":                    0,
		} {
			if got, ok := page.samples[series]; got != want || !ok {
				t.Errorf("%s is %v, want %v", series, got, want)
			}
		}
	})
}

func TestADurableJournalIsAMetric(t *testing.T) {
	p := open(t, fapilog.Config{
		Routes:  []fapilog.Route{{Name: "a", Sink: new(sinktest.Memory)}},
		Journal: journal.Config{Dir: filepath.Join(t.TempDir(), "journal")},
	})
	page := read(t, p)
	for series, want := range map[string]float64{"fapilog_journal_durable": 1, "fapilog_journal_on_disk": 1, "fapilog_journal_lives": 0, "fapilog_journal_problems": 0} {
		if got, ok := page.samples[series+"map[]"]; got != want || !ok {
			t.Errorf("%s is %v, want %v", series, got, want)
		}
	}
}

func TestNoMetricHasAnError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		body := ask(Handler(sick(t)), "GET", "/metrics", "").Body.String()
		for _, text := range []string{errDown.Error(), "scripted"} {
			if strings.Contains(body, text) {
				t.Errorf("%q is in\n%s", text, body)
			}
		}
	})
}
