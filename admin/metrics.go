package admin

import (
	"net/http"

	"github.com/fapilog/fapilog"
	"github.com/fapilog/fapilog/breaker"
)

// family is one metric. The page and docs/metrics.md are made from the same table.
type family struct {
	name   string
	kind   string   // counter, gauge or histogram
	labels []string // names, in the order in which values are given to text.sample
	help   string
	write  func(*text, *snapshot) // writes the samples; each combination of labels that can be, from the beginning
}

// snapshot is what one page is made from.
type snapshot struct {
	build   build
	state   fapilog.State
	stats   fapilog.Stats
	journal fapilog.JournalStats  // zero if the journal is in memory by choice
	metrics []fapilog.SinkMetrics // in the order of stats.Sinks
}

// snapshot asks the pipeline for everything once.
func (h *handler) snapshot() *snapshot {
	s := &snapshot{build: h.build, state: h.pipeline.State(), stats: h.pipeline.Stats(), metrics: h.pipeline.Metrics()}
	if s.stats.Journal != nil {
		s.journal = *s.stats.Journal
	}
	return s
}

func (h *handler) metrics(*http.Request) reply {
	s, t := h.snapshot(), &text{b: make([]byte, 0, 16<<10)}
	for _, f := range families {
		t.begin(f)
		f.write(t, s)
	}
	return reply{status: http.StatusOK, kind: kindMetrics, body: t.b}
}

// families are all metrics, in the order of the page.
var families = []family{
	{"fapilog_build_info", "gauge", []string{"version", "goversion"},
		"1; the versions of fapilog and Go that the program was built with.",
		func(t *text, s *snapshot) { t.sample(1, s.build.version, s.build.goVersion) }},
	{"fapilog_pipeline_state", "gauge", []string{"state"},
		"1 for the state that the pipeline is in, 0 for the others: open, closing (Close has begun), closed.",
		writeState},
	{"fapilog_offered_records_total", "counter", nil,
		"Records that were logged by this process: those appended to the journal and those refused.",
		func(t *text, s *snapshot) { t.sample(float64(s.stats.Offered)) }},
	{"fapilog_appended_records_total", "counter", nil,
		"Records that the journal has accepted from this process.",
		func(t *text, s *snapshot) { t.sample(float64(s.stats.Appended)) }},
	{"fapilog_refused_records_total", "counter", []string{"reason"},
		"Records that the journal did not get: they came after Close (closed), could not be written as JSON (encode_failed), or were logged from inside a sink's Write or a diagnostic (refused).",
		writeRefused},
	{"fapilog_journal_bytes", "gauge", nil,
		"What the journal holds: memory or, if it is durable, room on disk.",
		func(t *text, s *snapshot) { t.sample(float64(s.stats.JournalBytes)) }},
	{"fapilog_journal_durable", "gauge", nil,
		"1 if the journal is configured to be in files.",
		func(t *text, s *snapshot) { t.flag(s.stats.Journal != nil) }},
	{"fapilog_journal_on_disk", "gauge", nil,
		"1 if everything that was accepted is in files; 0 if it is in memory, by choice or because the disk has failed.",
		func(t *text, s *snapshot) { t.flag(s.journal.OnDisk) }},
	{"fapilog_journal_lives", "gauge", nil,
		"Earlier processes whose records are still to be delivered.",
		func(t *text, s *snapshot) { t.sample(float64(s.journal.Lives)) }},
	{"fapilog_journal_problems", "gauge", nil,
		"What is damaged in the journal's directory, was left alone or, at present, has no room; /stats names it.",
		func(t *text, s *snapshot) { t.sample(float64(len(s.journal.Problems))) }},

	{"fapilog_sink_appended_records_total", "counter", []string{"sink"},
		"Records for the sink: appended to the journal, or diverted to it. The sum of fapilog_records_total and fapilog_pending_records. With a durable journal, earlier processes included.",
		perSink(func(k fapilog.SinkStats) float64 { return float64(k.Appended) })},
	{"fapilog_records_total", "counter", []string{"sink", "outcome", "reason"},
		"What became of the sink's records: filtered, delivered, diverted, quarantined or dropped; reason says why they were dropped and is empty otherwise. With a durable journal, earlier processes included.",
		writeRecords},
	{"fapilog_lost_before_records", "gauge", []string{"sink"},
		"Of the quarantined and dropped records, those that earlier processes have counted.",
		perSink(func(k fapilog.SinkStats) float64 { return float64(k.LostBefore) })},
	{"fapilog_pending_records", "gauge", []string{"sink"},
		"Records that the sink has still to settle.",
		perSink(func(k fapilog.SinkStats) float64 { return float64(k.Pending) })},
	{"fapilog_pending_bytes", "gauge", []string{"sink"},
		"What they take in the journal.",
		perSink(func(k fapilog.SinkStats) float64 { return float64(k.PendingBytes) })},
	{"fapilog_oldest_pending_seconds", "gauge", []string{"sink"},
		"How long ago the oldest of them was appended, those diverted to the sink aside; 0 if there is none.",
		perSink(func(k fapilog.SinkStats) float64 { return k.OldestPending.Seconds() })},
	{"fapilog_last_success_timestamp_seconds", "gauge", []string{"sink"},
		"When the sink last delivered a record, in seconds since 1970; 0: not yet in this process.",
		perSink(lastSuccess)},
	{"fapilog_attempts_total", "counter", []string{"sink", "result"},
		"Attempts to write a batch, by this process: delivered (all but what was postponed to the next), partial (some records of it were not), retry (none, any other error), throttled, too_large, rejected, park, gone, timeout (abandoned at its deadline), stuck (not made, since an abandoned one has not returned).",
		writeAttempts},
	{"fapilog_write_duration_seconds", "histogram", []string{"sink"},
		"How long the sink's Write took in this process; one that was abandoned, until it was.",
		func(t *text, s *snapshot) {
			for _, m := range s.metrics {
				t.histogram(m.Write, m.Name)
			}
		}},
	{"fapilog_breaker_state", "gauge", []string{"sink"},
		"The sink's circuit: 0 closed, 1 half-open, 2 open.",
		perSink(func(k fapilog.SinkStats) float64 { return float64(k.Circuit) })},
	{"fapilog_breaker_transitions_total", "counter", []string{"sink", "from", "to"},
		"Changes of the circuit in this process.",
		writeTransitions},
	{"fapilog_sink_parked", "gauge", []string{"sink"},
		"1 if the sink waits for a change of its configuration or credentials.",
		func(t *text, s *snapshot) {
			for _, k := range s.stats.Sinks {
				t.flag(k.Parked, k.Name)
			}
		}},
	{"fapilog_sink_gone", "gauge", []string{"sink"},
		"1 if the sink has ended for good, like a console whose reader has left.",
		func(t *text, s *snapshot) {
			for _, k := range s.stats.Sinks {
				t.flag(k.Gone, k.Name)
			}
		}},
	{"fapilog_sink_level", "gauge", []string{"sink"},
		"The least level of a record for the sink, as slog's number: -4 debug, 0 info, 4 warn, 8 error. A standby has none.",
		func(t *text, s *snapshot) {
			for _, m := range s.metrics {
				if !m.Standby {
					t.sample(float64(m.Level), m.Name)
				}
			}
		}},
}

// perSink returns a write for families with one sample a sink.
func perSink(value func(fapilog.SinkStats) float64) func(*text, *snapshot) {
	return func(t *text, s *snapshot) {
		for _, k := range s.stats.Sinks {
			t.sample(value(k), k.Name)
		}
	}
}

func lastSuccess(k fapilog.SinkStats) float64 {
	if k.LastSuccess.IsZero() {
		return 0
	}
	return float64(k.LastSuccess.UnixMilli()) / 1000
}

func writeState(t *text, s *snapshot) {
	for _, state := range []fapilog.State{fapilog.StateOpen, fapilog.StateClosing, fapilog.StateClosed} {
		t.flag(s.state == state, string(state))
	}
}

func writeRefused(t *text, s *snapshot) {
	t.sample(float64(s.stats.Closed), "closed")
	t.sample(float64(s.stats.EncodeFailed), "encode_failed")
	t.sample(float64(s.stats.Refused), "refused")
}

func writeRecords(t *text, s *snapshot) {
	for _, k := range s.stats.Sinks {
		t.sample(float64(k.Filtered), k.Name, "filtered", "")
		t.sample(float64(k.Delivered), k.Name, "delivered", "")
		t.sample(float64(k.Diverted), k.Name, "diverted", "")
		t.sample(float64(k.Quarantined), k.Name, "quarantined", "")
		for _, r := range fapilog.Reasons() {
			t.sample(float64(k.Dropped[r]), k.Name, "dropped", string(r))
		}
	}
}

func writeAttempts(t *text, s *snapshot) {
	for _, m := range s.metrics {
		for _, r := range fapilog.Results() {
			t.sample(float64(m.Attempts[r]), m.Name, string(r))
		}
	}
}

// changes are those that a breaker makes.
var changes = []fapilog.Change{
	{From: breaker.Closed, To: breaker.Open},
	{From: breaker.Open, To: breaker.HalfOpen},
	{From: breaker.HalfOpen, To: breaker.Open},
	{From: breaker.HalfOpen, To: breaker.Closed},
}

func writeTransitions(t *text, s *snapshot) {
	for _, m := range s.metrics {
		for _, c := range changes {
			t.sample(float64(m.Transitions[c]), m.Name, c.From.String(), c.To.String())
		}
	}
}
