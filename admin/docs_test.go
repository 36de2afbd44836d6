package admin

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const docs = "../docs/metrics.md"

// The tables in docs/metrics.md are made from what the page and the rules are.
func TestDocsHaveTheTablesOfTheCode(t *testing.T) {
	page := readFile(t, docs)
	text := page
	for name, table := range map[string]string{"metrics": metricsTable(), "alerts": alertsTable(alertsOf(t))} {
		section := regexp.MustCompile(`(?s)(<!-- ` + name + `: [^\n]*-->\n).*?(<!-- /` + name + ` -->)`)
		if !section.MatchString(text) {
			t.Fatalf("%s has no section %q", docs, name)
		}
		text = section.ReplaceAllString(text, "${1}"+strings.ReplaceAll(table, "$", "$$")+"${2}")
	}
	if text == page {
		return
	}
	if !*update {
		t.Fatalf("%s is not what the code and the rules say; run go test ./admin -run TestDocs -update", docs)
	}
	if err := os.WriteFile(docs, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// Every metric that the documents speak of is one.
func TestDocsAndAlertsNameMetricsThatThereAre(t *testing.T) {
	known := make(map[string]bool)
	for _, f := range families {
		known[f.name] = true
		if f.kind == "histogram" {
			known[f.name+"_bucket"], known[f.name+"_sum"], known[f.name+"_count"] = true, true, true
		}
	}
	for _, path := range []string{docs, "../docs/alerts.yml", "../docs/alerts_test.yml"} {
		names := regexp.MustCompile(`\bfapilog_[a-z_]+`).FindAllString(readFile(t, path), -1)
		for _, name := range slices.Compact(slices.Sorted(slices.Values(names))) {
			if !known[name] {
				t.Errorf("%s: there is no metric %s", path, name)
			}
		}
		if len(names) == 0 {
			t.Errorf("%s names no metric", path)
		}
	}
}

// promtool decides whether they do; here, that each is asked about, both ways.
func TestEveryAlertIsTestedToFireAndNotTo(t *testing.T) {
	tests := readFile(t, "../docs/alerts_test.yml")
	for _, a := range alertsOf(t) {
		quiet := strings.Count(tests, "alertname: "+a.name+", exp_alerts: []")
		fires := strings.Count(tests, "alertname: "+a.name+"\n")
		if quiet < 2 || fires < 1 { // while all is well, and just before it fires
			t.Errorf("%s: %d tests in which it does not fire, %d in which it does", a.name, quiet, fires)
		}
	}
}

// alert is a rule in docs/alerts.yml.
type alert struct{ name, after, severity, summary, description string }

// alertsOf reads the rules, in the form in which they are written there.
func alertsOf(t *testing.T) (alerts []alert) {
	t.Helper()
	text := readFile(t, "../docs/alerts.yml")
	for _, rule := range strings.Split(text, "      - alert: ")[1:] {
		a := alert{
			after:       field(rule, `        for: (\S+)`),
			severity:    field(rule, `        labels: \{severity: (\w+)\}`),
			summary:     field(rule, `          summary: '([^']+)'`),
			description: field(rule, `          description: '([^']+)'`),
		}
		a.name, _, _ = strings.Cut(rule, "\n")
		if a.after == "" {
			a.after = "at once"
		}
		if a.severity == "" || a.summary == "" || a.description == "" {
			t.Errorf("%s lacks a severity, a summary or a description: %+v", a.name, a)
		}
		alerts = append(alerts, a)
	}
	if len(alerts) < 10 || len(alerts) != strings.Count(text, "expr:") {
		t.Fatalf("%d alerts; have they changed their form?", len(alerts))
	}
	return alerts
}

// field returns what the pattern's group matches on a line of its own.
func field(rule, pattern string) string {
	found := regexp.MustCompile(`(?m)^` + pattern + `$`).FindStringSubmatch(rule)
	if found == nil {
		return ""
	}
	return found[1]
}

func alertsTable(alerts []alert) string {
	var b strings.Builder
	b.WriteString("| alert | severity | after | says |\n|---|---|---|---|\n")
	label := regexp.MustCompile(`\{\{ \$labels\.(\w+) \}\}`)
	for _, a := range alerts {
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", a.name, a.severity, a.after, label.ReplaceAllString(a.summary, "*$1*"))
	}
	return b.String()
}

func metricsTable() string {
	var b strings.Builder
	b.WriteString("| metric | type | labels | meaning |\n|---|---|---|---|\n")
	for _, f := range families {
		labels := ""
		if len(f.labels) > 0 {
			labels = "`" + strings.Join(f.labels, "` `") + "`"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", f.name, f.kind, labels, strings.TrimSuffix(f.help, "."))
	}
	return b.String()
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
