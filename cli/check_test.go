package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fapilog/fapilog"
	"github.com/fapilog/fapilog/sink"
)

// pinger is a sink whose host says how it answers.
type pinger struct {
	mood string
	user *url.Userinfo
	key  sink.Secret
}

func init() {
	sink.Register("pinger", func() sink.Opener { return new(pinger) })
}

func (p *pinger) Flags(fs *flag.FlagSet) { fs.Var(&p.key, "key", "a secret") }

func (p *pinger) SetURL(u *url.URL) error {
	p.mood, p.user = u.Host, u.User
	return nil
}

func (p *pinger) Open(context.Context) (sink.Sink, error) { return p, nil }

func (p *pinger) Write(context.Context, []sink.Record) error { panic("a check delivers nothing") }

func (p *pinger) Close() error { return nil }

func (p *pinger) Ping(ctx context.Context) error {
	switch p.mood {
	case "hung":
		<-ctx.Done()
		return ctx.Err()
	case "refusing":
		return errors.New("cannot log in as " + p.user.String() + " with " + p.key.Reveal() + "\nor at all")
	}
	return nil
}

const checked = `journal in memory, at most 64MiB: what it holds is lost with the process
level all

stdout  stdout?level=warn
  circuit: opens after 5 failures in a row, for 30s; meanwhile its records go to spare
  level=warn  (default info)

pinger  pinger://***:***@h?key=***&breaker=false
  no circuit: every batch is tried, however often that fails
  key=***

spare  file:DIR/spare.log?name=spare&standby=true&timeout=3s
  standby: receives only what is diverted to it, from stdout
  circuit: opens after 5 failures in a row, for 30s; meanwhile its records wait in the journal
  timeout=3s  (default 10s)
`

func TestCheckSaysWhatWouldRun(t *testing.T) {
	dir := t.TempDir()
	r := call(t, map[string]string{"FAPILOG_FALLBACK": ""}, "check", "--sink", "stdout?level=warn&fallback=spare",
		"--sink=pinger://u:canarypassword@h?key=canarytoken&breaker=false", "--sink", "file:"+dir+"/spare.log?name=spare&standby=true&timeout=3s")
	want := strings.ReplaceAll(strings.ReplaceAll(checked, "DIR", dir), "stdout?level=warn\n", "stdout?level=warn&fallback=spare\n")
	if r.status != exitOK || r.stderr != "" || r.stdout != want {
		t.Errorf("exit status %d\n%s%s\nwant\n%s", r.status, r.stdout, r.stderr, want)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 0 {
		t.Errorf("created %v (%v)", entries, err)
	}
}

func TestCheckReadsTheEnvironmentAsTheOthersDo(t *testing.T) {
	journal := filepath.Join(t.TempDir(), "journal")
	vars := map[string]string{"FAPILOG_SINKS": "pinger://a,pinger://b?name=b", "FAPILOG_JOURNAL": journal, "FAPILOG_LEVEL": "ERROR",
		"FAPILOG_PARALLEL_WRITES": "false", "FAPILOG_GRACE": "0", "FAPILOG_ON_OPEN": "skip"}
	r := call(t, vars, "check")
	for _, want := range []string{
		"journal in " + journal + ", at most 1GiB\n", "level error\n", "grace 0s\n", "one sink after the other",
		"\npinger  pinger://a\n", "\nb  pinger://b?name=b\n", "meanwhile its records are dropped\n",
	} {
		if r.status != exitOK || !strings.Contains(r.stdout, want) {
			t.Errorf("exit status %d, no %q in\n%s%s", r.status, want, r.stdout, r.stderr)
		}
	}
	if _, err := os.Lstat(journal); err == nil {
		t.Error("the journal was opened")
	}
}

func TestCheckShowsWhatIsMasked(t *testing.T) {
	const settings = "\nmax-record 1MiB\nredact-keys iban\nredact-except pwd\nredact-pattern x|y\n"
	vars := map[string]string{"FAPILOG_MAX_RECORD": "1MiB", "FAPILOG_REDACT_KEYS": "iban", "FAPILOG_REDACT_EXCEPT": "pwd", "FAPILOG_REDACT_PATTERN": "x|y"}
	if r := call(t, vars, "check"); r.status != exitOK || !strings.Contains(r.stdout, settings) || strings.Contains(r.stdout, "redact false") {
		t.Errorf("exit status %d, no %q in\n%s%s", r.status, settings, r.stdout, r.stderr)
	}
	if r := call(t, map[string]string{"FAPILOG_REDACT": "off"}, "check"); r.status != exitOK || !strings.Contains(r.stdout, "\nredact false: secrets in records are not masked\n") {
		t.Errorf("exit status %d, nothing of redact in\n%s%s", r.status, r.stdout, r.stderr)
	}
	if r := call(t, map[string]string{"FAPILOG_REDACT_KEYZ": "iban"}, "check"); r.status != exitUsage || !strings.Contains(r.stderr, "did you mean FAPILOG_REDACT_KEYS?") {
		t.Errorf("exit status %d\n%s%s", r.status, r.stdout, r.stderr)
	}
}

func TestCheckShowsWhatCountsForTheCommand(t *testing.T) {
	for as, want := range map[string]struct{ level, onFull, blockTimeout string }{
		"":        {"all", "drop-oldest", "100ms"},
		"run":     {"all", "drop-oldest", "100ms"},
		"pipe":    {"all", "block", "forever"},
		"tail":    {"all", "block", "forever"},
		"program": {"info", "drop-oldest", "100ms"},
	} {
		args := []string{"check", "--all"}
		if as != "" {
			args = append(args, "--as", as)
		}
		r := call(t, nil, args...)
		for _, line := range []string{"\n  level=" + want.level, "\n  on-full=" + want.onFull, "\n  block-timeout=" + want.blockTimeout, "\n  timeout=10s\n"} {
			if r.status != exitOK || !strings.Contains(r.stdout, line) {
				t.Errorf("%s: exit status %d, no %q in\n%s%s", as, r.status, line, r.stdout, r.stderr)
			}
		}
	}
}

func TestCheckTakesTheFlagsThatChangeWhatWouldRun(t *testing.T) {
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"--block"}, "\n  on-full=block  (default drop-oldest)\n"},
		{[]string{"--block"}, "\n  block-timeout=forever  (default 100ms)\n"},
		{[]string{"--as", "run", "--block", "--sink", "stdout?on-full=drop-oldest"}, "\nstdout  stdout?on-full=drop-oldest\n"},
		{[]string{"--grace", "0"}, "\ngrace 0s\n"},
		{[]string{"--as", "pipe", "--grace", "1m"}, "\ngrace 1m\n"},
		{[]string{"--as=tail", "--grace=30s"}, "\ngrace 30s\n"},
	} {
		if r := call(t, nil, append([]string{"check"}, c.args...)...); r.status != exitOK || !strings.Contains(r.stdout, c.want) {
			t.Errorf("%q: exit status %d, no %q in\n%s%s", c.args, r.status, c.want, r.stdout, r.stderr)
		}
	}
}

// planOfRun returns what run uses with these flags, as check prints it.
func planOfRun(t *testing.T, args []string) string {
	t.Helper()
	f := newRunFlags()
	if _, _, err := f.parse(append(args[:len(args):len(args)], "--", "app")); err != nil {
		t.Fatal(err)
	}
	cfg, err := f.config()
	if err != nil {
		t.Fatal(err)
	}
	cfg.Grace = cmp.Or(f.limits(cfg).grace, -1)
	found, err := look(cfg, false, nil)
	if err != nil {
		t.Fatal(err)
	}
	return string(found.json())
}

func TestCheckShowsWhatRunUsesWithTheSameFlags(t *testing.T) {
	for _, vars := range []map[string]string{{}, {"FAPILOG_ON_FULL": "drop-oldest"}, {"FAPILOG_BLOCK_TIMEOUT": "5s"}, {"FAPILOG_GRACE": "3s", "FAPILOG_LEVEL": "warn"}} {
		for _, args := range [][]string{{}, {"--block"}, {"--grace", "0"}, {"--block", "--grace", "20s", "--sink", "stdout?on-full=drop-oldest"}} {
			t.Run(fmt.Sprint(vars, args), func(t *testing.T) {
				r := call(t, vars, append([]string{"check", "--json"}, args...)...)
				if want := planOfRun(t, args); r.status != exitOK || r.stdout != want { // the variables are still set
					t.Errorf("exit status %d\n%s%s\nwant\n%s", r.status, r.stdout, r.stderr, want)
				}
			})
		}
	}
}

// A mistake is told as a start would tell it.
func TestCheckTellsMistakesAsAStartWould(t *testing.T) {
	for _, vars := range []map[string]string{
		{"FAPILOG_SINKS": "stdot://,stdout?levle=warn"},
		{"FAPILOG_SINKS": "file:" + t.TempDir()},
		{"FAPILOG_SINKS": "stdout?standby=true"},
		{"FAPILOG_SINKS": "pinger://u:canarypassword@h?x=1&key=canarytoken"},
		{"FAPILOG_TIMEOUT": "0"},
		{"FAPILOG_LEVLE": "info"},
		{"FAPILOG_JOURNAL": "/nowhere?fsync=1s"},
	} {
		started, checked := call(t, vars, "pipe"), call(t, vars, "check", "--ping")
		if checked.status != exitUsage || checked.stdout != "" || checked.stderr != started.stderr || checked.stderr == "" {
			t.Errorf("exit status %d\n%s\nwant\n%s", checked.status, checked.stderr, started.stderr)
		}
		if strings.Contains(checked.stderr, "canary") {
			t.Error("a secret is printed")
		}
	}
}

func TestCheckRefusesAWrongCommandLine(t *testing.T) {
	for want, args := range map[string][]string{
		`unexpected argument "ping" (did you mean "--ping"?)`: {"ping"},
		`did you mean "--sink"?`:                              {"--snk", "stdout"},
		"want a URI such as stdout":                           {"--sink", " "},
		"want run, pipe, tail or program":                     {"--as", "jog"},
		"pipe waits for sinks without it":                     {"--as", "pipe", "--block"},
		"--block is a flag of run; a Go program":              {"--block", "--as", "program"},
		"--grace is a flag of run, pipe and tail":             {"--grace", "1s", "--as", "program"},
		`invalid value "soon" for flag -grace`:                {"--grace", "soon"},
	} {
		if r := call(t, nil, append([]string{"check"}, args...)...); r.status != exitUsage || !strings.Contains(r.stderr, want) {
			t.Errorf("exit status %d, no %q in %s", r.status, want, r.stderr)
		}
	}
}

func TestCheckPingsEachSink(t *testing.T) {
	for name, c := range map[string]struct {
		sinks  []string
		want   string
		status int
	}{
		"all are well": {
			[]string{"pinger://h", "file:" + t.TempDir() + "/x.log?name=longer"},
			"\nping\n  pinger  ok\n  longer  ", exitOK,
		},
		"one refuses": {
			[]string{"pinger://h?name=a", "pinger://u:canarypassword@refusing?key=canarytoken&name=b", "pinger://h?name=c"},
			"\nping\n  a  ok\n  b  error: cannot log in as ***:*** with ***; or at all\n  c  ok\n", exitIncomplete,
		},
	} {
		t.Run(name, func(t *testing.T) {
			args := []string{"check", "--ping"}
			for _, uri := range c.sinks {
				args = append(args, "--sink", uri)
			}
			r := call(t, nil, args...)
			if r.status != c.status || !strings.Contains(r.stdout, c.want) || r.stderr != "" {
				t.Errorf("exit status %d, want %d\n%s%s\nwant\n%s", r.status, c.status, r.stdout, r.stderr, c.want)
			}
		})
	}
}

func TestSinkWithoutPingIsSaidToBeOpened(t *testing.T) {
	found := finding{Plan: new(fapilog.Plan), Pings: []pinged{pingedOf(fapilog.PingResult{Name: "x"})}}
	if text := string(found.text(false)); found.failed() || !strings.HasSuffix(text, "\n  x  opened; it cannot be pinged\n") {
		t.Errorf("failed: %t; %s", found.failed(), text)
	}
}

func TestHungPingEndsAtItsTimeoutOrWithASignal(t *testing.T) {
	for name, c := range map[string]struct {
		after time.Duration // the signal; 0: none
		took  time.Duration
		want  string
	}{
		"its timeout": {0, 4 * time.Second, "no answer within 4s: context deadline exceeded"},
		"a signal":    {time.Second, time.Second, "context canceled"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				signals := make(chan os.Signal, 1)
				if c.after > 0 {
					time.AfterFunc(c.after, func() { signals <- syscall.SIGTERM })
				}
				cfg := fapilog.Config{Routes: []fapilog.Route{{URI: "pinger://hung?timeout=4s"}, {URI: "pinger://h"}}}
				began := time.Now()
				found, err := look(cfg, true, signals)
				if err != nil || time.Since(began) != c.took || !found.failed() || found.Pings[0].Error != c.want || found.Pings[1].Result != pingOK {
					t.Errorf("after %v: %+v, %v", time.Since(began), found.Pings, err)
				}
			})
		})
	}
}

func TestCheckAsJSON(t *testing.T) {
	r := call(t, nil, "check", "--json", "--ping", "--sink", "pinger://u:canarypassword@h?key=canarytoken")
	var got struct {
		Settings []fapilog.Setting
		Sinks    []fapilog.SinkPlan
		Pings    []pinged
	}
	if err := json.Unmarshal([]byte(r.stdout), &got); err != nil || r.status != exitOK || strings.Count(r.stdout, "\n") != 1 {
		t.Fatalf("exit status %d, %v: %s%s", r.status, err, r.stdout, r.stderr)
	}
	if len(got.Sinks) != 1 || got.Sinks[0].URI != "pinger://***:***@h?key=***" || value(got.Sinks[0].Settings, "level") != "all" ||
		value(got.Settings, "journal-max-bytes") != "64MiB" || len(got.Pings) != 1 || got.Pings[0] != (pinged{"pinger", pingOK, ""}) {
		t.Errorf("%s", r.stdout)
	}
}

func TestCheckLeavesTheTerminalAlone(t *testing.T) {
	for text, want := range map[string]string{"plain text": "plain text", "naïve": "naïve", "\x1b[2Jx": `"\x1b[2Jx"`, "a\nb": `"a\nb"`} {
		if got := shown(text); got != want {
			t.Errorf("%q is shown as %s, want %s", text, got, want)
		}
	}
}
