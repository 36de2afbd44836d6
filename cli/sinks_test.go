package cli

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/fapilog/fapilog"
	"github.com/fapilog/fapilog/internal/reference"
	"github.com/fapilog/fapilog/sink"
)

func TestSinksListsEverySinkOnALine(t *testing.T) {
	r := call(t, nil, "sinks")
	if r.status != exitOK || r.stderr != "" {
		t.Fatalf("exit status %d; %s", r.status, r.stderr)
	}
	own, others, _ := strings.Cut(r.stdout, "\nNot in this program, but in the command built from "+fullCommand+":\n")
	for part, sinks := range map[string][]reference.Sink{own: reference.All(sink.Schemes()), others: reference.Absent()} {
		for _, k := range sinks {
			found := false
			for line := range strings.Lines(part) {
				found = found || strings.HasPrefix(line, "  "+k.Scheme+" ") && strings.Contains(line, k.Summary) || line == "  "+k.Scheme+"\n"
			}
			if !found {
				t.Errorf("no line for %s in\n%s", k.Scheme, part)
			}
		}
	}
	if !strings.Contains(others, "  sends records to Amazon CloudWatch Logs               module sink/cloudwatch\n") {
		t.Errorf("no module in\n%s", others)
	}
	for _, hint := range []string{"fapilog sinks SCHEME\n", "fapilog sinks --variables\n"} {
		if !strings.Contains(own, hint) {
			t.Errorf("no %q in\n%s", hint, own)
		}
	}
}

func TestSinksListsEveryParameterOfOne(t *testing.T) {
	for _, scheme := range sink.Schemes() {
		r := call(t, nil, "sinks", scheme)
		k, _ := reference.Of(scheme)
		for _, s := range append(k.Settings, reference.Settings(fapilog.Parameters())...) {
			if r.status != exitOK || !strings.Contains(r.stdout, "\n  "+s.Name+" ") {
				t.Errorf("exit status %d, no %s in\n%s%s", r.status, s.Name, r.stdout, r.stderr)
			}
		}
	}
}

func TestSinksPrintsAHundredColumns(t *testing.T) {
	for _, args := range [][]string{{"sinks"}, {"sinks", "--variables"}, {"sinks", "file"}, {"sinks", "stdout"}} {
		for line := range strings.Lines(call(t, nil, args...).stdout) {
			if n := utf8.RuneCountInString(line) - 1; n > 100 {
				t.Errorf("%q: %d characters: %s", args, n, line)
			}
		}
	}
}

func TestSinksDescribesTheOneThatIsNamed(t *testing.T) {
	for _, name := range []string{"file", "FILE", "file:", "file:///var/log/app.jsonl?level=warn"} {
		r := call(t, nil, "sinks", name)
		if r.status != exitOK || strings.Contains(r.stdout, "stdout:") || strings.Contains(r.stdout, "stderr:") {
			t.Errorf("%s: exit status %d\n%s%s", name, r.status, r.stdout, r.stderr)
		}
		for _, want := range []string{"file: ", "Example:\n  file:///", "\n  linger            5ms"} {
			if !strings.Contains(r.stdout, want) {
				t.Errorf("%s: no %q in\n%s", name, want, r.stdout)
			}
		}
	}
}

func TestSinksPrintsTheTablesOfTheDocumentation(t *testing.T) {
	one, _ := reference.Of("stdout")
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"--markdown"}, reference.Markdown("parameter", reference.Prefer(reference.Settings(fapilog.Parameters()), reference.All([]string{"file", "stderr", "stdout"})))},
		{[]string{"--markdown", "stdout"}, reference.SinksMarkdown([]reference.Sink{one})},
		{[]string{"--markdown", "--variables"}, "| `FAPILOG_JOURNAL_MAX_BYTES` | `64MiB` | size of the journal; with FAPILOG_JOURNAL the default is 1GiB |\n"},
		{[]string{"--markdown", "--variables"}, "(also `FAPILOG_CORE__LOG_LEVEL`) |\n"},
	} {
		if r := call(t, nil, append([]string{"sinks"}, c.args...)...); r.status != exitOK || !strings.Contains(r.stdout, c.want) {
			t.Errorf("%q: exit status %d; no\n%s\nin\n%s%s", c.args, r.status, c.want, r.stdout, r.stderr)
		}
	}
}

func TestSinksRefusesWhatIsNoSink(t *testing.T) {
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"stdot"}, `unknown scheme "stdot" (did you mean "stdout"?)`},
		{[]string{"transmogrifier"}, `unknown scheme "transmogrifier"; registered: `},
		{[]string{"app.log/x"}, "no scheme"},
		{[]string{"cloudwatch"}, "cloudwatch is not in this program, but in the command built from " + fullCommand},
		{[]string{"CloudWatch://app/canaryuser?region=x"}, "cloudwatch is not in this program"},
		{[]string{"stdout", "file"}, `unexpected argument "file"`},
		{[]string{"--markdwn"}, `did you mean "--markdown"?`},
		{[]string{"--variables", "file"}, "leave out SCHEME"},
		{[]string{"lok://canaryuser:canarypassword@host"}, `unknown scheme "lok"`},
		{[]string{"canaryuser:canarypassword@host"}, "no scheme"},
	} {
		r := call(t, nil, append([]string{"sinks"}, c.args...)...)
		if r.status != exitUsage || r.stdout != "" || !strings.Contains(r.stderr, c.want) {
			t.Errorf("%d arguments, want %q: exit status %d; %d bytes", len(c.args), c.want, r.status, len(r.stderr))
		}
		if strings.Contains(r.stderr, "canary") {
			t.Errorf("want %q: a secret is printed", c.want)
		}
	}
}
