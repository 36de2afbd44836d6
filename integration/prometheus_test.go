package integration

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/fapilog/fapilog"
)

// prometheus is a Prometheus that is ready.
type prometheus struct{ address string }

// startPrometheus starts one that scrapes the target every second and evaluates
// docs/alerts.yml as often, in which alerts wait no longer than a second.
func startPrometheus(t *testing.T, target string) prometheus {
	t.Helper()
	path := program(t, "prometheus")
	dir, p := t.TempDir(), prometheus{freeAddress(t)}
	rules, err := os.ReadFile("../docs/alerts.yml")
	if err != nil {
		t.Fatal(err)
	}
	hasty := regexp.MustCompile(`(?m)^        for: \w+$`).ReplaceAllString(string(rules), "        for: 1s")
	config := fmt.Sprintf(`
global: {scrape_interval: 1s, evaluation_interval: 1s}
rule_files: [alerts.yml]
scrape_configs:
  - job_name: fapilog
    static_configs: [{targets: [%q]}]
`, target)
	for name, text := range map[string]string{"alerts.yml": hasty, "prometheus.yml": config} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	start(t, path,
		"--config.file="+filepath.Join(dir, "prometheus.yml"), "--storage.tsdb.path="+filepath.Join(dir, "data"),
		"--web.listen-address="+p.address)
	within(t, "Prometheus is ready", func() error { return p.get("/-/ready", nil) })
	return p
}

// get asks Prometheus; into is what the answer's JSON goes into, or nil.
func (p prometheus) get(path string, into any) error {
	client := http.Client{Timeout: 5 * time.Second}
	answer, err := client.Get("http://" + p.address + path)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", path, answer.Status)
	}
	if into == nil {
		return nil
	}
	return json.NewDecoder(answer.Body).Decode(into)
}

// value returns the one value that the expression has now.
func (p prometheus) value(expression string) (float64, error) {
	var answer struct {
		Data struct {
			Result []struct{ Value [2]any }
		}
	}
	if err := p.get("/api/v1/query?query="+url.QueryEscape(expression), &answer); err != nil {
		return 0, err
	}
	if n := len(answer.Data.Result); n != 1 {
		return 0, fmt.Errorf("%s has %d values, want 1", expression, n)
	}
	text, _ := answer.Data.Result[0].Value[1].(string)
	return strconv.ParseFloat(text, 64)
}

// firing returns the alerts that fire, as name and sink.
func (p prometheus) firing() (map[[2]string]bool, error) {
	var answer struct {
		Data struct {
			Alerts []struct {
				State  string
				Labels map[string]string
			}
		}
	}
	if err := p.get("/api/v1/alerts", &answer); err != nil {
		return nil, err
	}
	firing := make(map[[2]string]bool)
	for _, a := range answer.Data.Alerts {
		if a.State == "firing" {
			firing[[2]string{a.Labels["alertname"], a.Labels["sink"]}] = true
		}
	}
	return firing, nil
}

func TestARealPrometheusKnowsTheLedgerAndRaisesTheAlarm(t *testing.T) {
	program(t, "prometheus")
	pipeline, target := serve(t)
	p := startPrometheus(t, target)
	within(t, "the page is scraped", func() error { return is(p, "up", 1) })

	stats := pipeline.Stats()
	for expression, want := range expressions(stats) {
		within(t, expression, func() error { return is(p, expression, want) })
	}
	if again := pipeline.Stats(); settled(again) != nil || again.Offered != stats.Offered {
		t.Fatalf("the pipeline moved on meanwhile: %+v", again)
	}

	within(t, "alerts fire", func() error { return hasFiring(p, "dead", "parked", "gone") })
	firing, err := p.firing()
	if err != nil {
		t.Fatal(err)
	}
	for a := range firing {
		if a[1] == "well" || a[1] == "errors-only" || a[1] == "" {
			t.Errorf("%s fires for %q, which is well", a[0], a[1])
		}
	}
}

// is reports the difference between what the expression is and what it should be.
func is(p prometheus, expression string, want float64) error {
	got, err := p.value(expression)
	if err == nil && got != want {
		err = fmt.Errorf("%s is %v, want %v", expression, got, want)
	}
	return err
}

// expressions are what Prometheus should know, and what each should be.
func expressions(s fapilog.Stats) map[string]float64 {
	all := map[string]float64{
		"fapilog_offered_records_total":        float64(s.Offered),
		"fapilog_appended_records_total":       float64(s.Appended),
		"sum(fapilog_refused_records_total)":   0,
		`fapilog_pipeline_state{state="open"}`: 1,
		"fapilog_journal_bytes":                float64(s.JournalBytes),
		"count(fapilog_build_info)":            1,
	}
	for _, k := range s.Sinks {
		var dropped, settled uint64
		for reason, n := range k.Dropped {
			all[fmt.Sprintf(`fapilog_records_total{sink=%q,outcome="dropped",reason=%q}`, k.Name, reason)] = float64(n)
			dropped += n
		}
		settled = k.Filtered + k.Delivered + k.Diverted + k.Quarantined + dropped
		for expression, want := range map[string]float64{
			"fapilog_sink_appended_records_total{sink=%q}":                       float64(k.Appended),
			`fapilog_records_total{sink=%q,outcome="filtered"}`:                  float64(k.Filtered),
			`fapilog_records_total{sink=%q,outcome="delivered"}`:                 float64(k.Delivered),
			`fapilog_records_total{sink=%q,outcome="diverted"}`:                  float64(k.Diverted),
			`fapilog_records_total{sink=%q,outcome="quarantined"}`:               float64(k.Quarantined),
			`sum(fapilog_records_total{sink=%q,outcome="dropped"})`:              float64(dropped),
			`sum(fapilog_records_total{sink=%q})`:                                float64(settled),
			"fapilog_pending_records{sink=%q}":                                   float64(k.Pending),
			"fapilog_pending_bytes{sink=%q}":                                     float64(k.PendingBytes),
			"sum(fapilog_attempts_total{sink=%q})":                               float64(k.Attempts),
			"fapilog_write_duration_seconds_count{sink=%q}":                      float64(k.Attempts), // none was stuck
			`fapilog_write_duration_seconds_bucket{sink=%q,le="+Inf"}`:           float64(k.Attempts),
			"fapilog_breaker_state{sink=%q}":                                     float64(k.Circuit),
			`fapilog_breaker_transitions_total{sink=%q,from="closed",to="open"}`: float64(k.Circuit) / 2, // once or never
			"fapilog_sink_parked{sink=%q}":                                       one(k.Parked),
			"fapilog_sink_gone{sink=%q}":                                         one(k.Gone),
		} {
			all[fmt.Sprintf(expression, k.Name)] = want
		}
	}
	return all
}

func one(is bool) float64 {
	if is {
		return 1
	}
	return 0
}

// hasFiring reports which of the alerts for these sinks do not fire yet.
func hasFiring(p prometheus, dead, parked, gone string) error {
	firing, err := p.firing()
	if err != nil {
		return err
	}
	for _, want := range [][2]string{{"FapilogSinkCircuitOpen", dead}, {"FapilogSinkParked", parked}, {"FapilogSinkGone", gone}} {
		if !firing[want] {
			return fmt.Errorf("%s does not fire for %s; there are %v", want[0], want[1], firing)
		}
	}
	return nil
}
