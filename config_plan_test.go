package fapilog

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fapilog/fapilog/sink"
)

func mustPlan(t *testing.T, c Config) *Plan {
	t.Helper()
	p, err := c.Plan()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// changed returns the settings that differ from their defaults.
func changed(settings []Setting) (texts []string) {
	for _, s := range settings {
		if s.Changed() {
			texts = append(texts, fmt.Sprintf("%s=%s (%s)", s.Name, s.Value, s.Default))
		}
	}
	return texts
}

func settingOf(t *testing.T, settings []Setting, name string) Setting {
	t.Helper()
	i := slices.IndexFunc(settings, func(s Setting) bool { return s.Name == name })
	if i < 0 {
		t.Fatalf("no setting %s in %+v", name, settings)
	}
	return settings[i]
}

func TestPlanShowsEverySettingThatCounts(t *testing.T) {
	dir := t.TempDir()
	for name, c := range map[string]struct {
		environ []string
		own     []string // the changed settings of the pipeline itself
		sinks   []string // name, and its changed settings
	}{
		"nothing is set": {nil, nil, []string{"stdout"}},
		"a parameter": {
			[]string{"FAPILOG_SINKS=conf://h?limit=5&linger=0&level=WARN"}, nil,
			[]string{"conf", "limit=5 (10)", "level=warn (info)", "linger=0s (20ms)"},
		},
		"what is said is the default": {
			[]string{"FAPILOG_SINKS=conf://h?limit=10&linger=20ms&level=info&breaker=true&retry-for=0&from=oldest"}, nil,
			[]string{"conf"},
		},
		"variables": {
			[]string{"FAPILOG_SINKS=conf://h,conf://i?timeout=3s", "FAPILOG_TIMEOUT=2s", "FAPILOG_LEVEL=error", "FAPILOG_GRACE=0", "FAPILOG_PARALLEL_WRITES=no", "FAPILOG_JOURNAL_MAX_BYTES=8MiB"},
			[]string{"grace=0s (10s)", "journal-max-bytes=8MiB (64MiB)", "level=error (info)", "parallel-writes=false (true)"},
			[]string{"conf", "level=error (info)", "timeout=2s (10s)", "conf-2", "level=error (info)", "timeout=3s (10s)"},
		},
		"what is masked": {
			[]string{"FAPILOG_SINKS=conf://h", "FAPILOG_MAX_RECORD=1MiB", "FAPILOG_REDACT_KEYS=iban,ssn", "FAPILOG_REDACT_EXCEPT=pwd", "FAPILOG_REDACT_PATTERN=\\d{16}"},
			[]string{"max-record=1MiB (256KiB)", "redact-except=pwd ()", "redact-keys=iban,ssn ()", `redact-pattern=\d{16} ()`}, []string{"conf"},
		},
		"a durable journal": {
			[]string{"FAPILOG_SINKS=conf://h,conf://i?quarantine=" + dir, "FAPILOG_JOURNAL=" + dir}, []string{"journal=" + dir + " ()"},
			[]string{"conf", "conf-2", "quarantine=" + dir + " (" + filepath.Join(dir, "quarantine") + ")"},
		},
		"a fallback, a standby and a sink that is disabled": {
			[]string{"FAPILOG_SINKS=conf://g?enabled=false,conf://h?fallback=spare,conf://i?name=spare&standby=true&limit=1"}, nil,
			[]string{"conf-2", "fallback=spare ()", "on-open=fallback (hold)", "spare", "limit=1 (10)"},
		},
		"an alias": {[]string{"FAPILOG_SINKS=plan://h?room=3"}, nil, []string{"plan", "size=3 (7)"}},
	} {
		t.Run(name, func(t *testing.T) {
			p := mustPlan(t, envConfig(t, c.environ...))
			if got := changed(p.Settings); !slices.Equal(got, c.own) {
				t.Errorf("the pipeline has %q, want %q", got, c.own)
			}
			var got []string
			for _, s := range p.Sinks {
				got = append(append(got, s.Name), changed(s.Settings)...)
			}
			if !slices.Equal(got, c.sinks) {
				t.Errorf("the sinks have %q,\nwant %q", got, c.sinks)
			}
		})
	}
}

func TestPlanShowsHowSinksStandToEachOther(t *testing.T) {
	p := mustPlan(t, uris("conf://g?enabled=false", "conf://h?fallback=spare", "conf://i?name=spare&standby=true"))
	if len(p.Sinks) != 2 {
		t.Fatalf("%d sinks, want 2: one is disabled", len(p.Sinks))
	}
	first, spare := p.Sinks[0], p.Sinks[1]
	if first.Standby || first.Fallback != "spare" || !spare.Standby || spare.Fallback != "" || spare.URI != "conf://i?name=spare&standby=true" {
		t.Errorf("%+v", p.Sinks)
	}
	for _, s := range spare.Settings {
		if slices.Contains(withoutEffectOnStandby, s.Name) {
			t.Errorf("a standby has %s, which has no effect on it", s.Name)
		}
	}
}

// What the parameters list and what withoutEffect says are the same.
func TestStandbyTakesNoneOfTheSettingsThatItsPlanLeavesOut(t *testing.T) {
	for _, name := range withoutEffectOnStandby {
		value := map[string]string{"block-timeout": "1s", "from": "end", "level": "warn", "linger": "1s", "on-full": "block"}[name]
		c := uris("conf://h?fallback=spare", "conf://i?name=spare&standby=true&"+name+"="+value)
		if _, err := c.Plan(); err == nil || !strings.Contains(err.Error(), name+": without effect") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestPlanOfACodedConfig(t *testing.T) {
	var general slog.LevelVar
	general.Set(slog.LevelError)
	c := Config{Level: &general, Routes: []Route{
		{Name: "mine", Sink: preferring{discard, map[string]string{"timeout": "4s"}}, From: FromEnd},
		{URI: "conf://h", Delivery: Delivery{Level: slog.Level(math.MinInt), RetryFor: time.Hour}},
	}}
	c.Defaults.OnFull, c.Defaults.BlockTimeout, c.Defaults.Level = Block, Forever, slog.LevelWarn
	p := mustPlan(t, c)
	if level := settingOf(t, p.Settings, "level"); level.Value != "warn" {
		t.Errorf("level %+v: that of Defaults goes before Config's", level)
	}
	want := []string{"block-timeout=forever (100ms)", "from=end (oldest)", "level=warn (info)", "on-full=block (drop-oldest)"}
	if got := changed(p.Sinks[0].Settings); p.Sinks[0].Name != "mine" || p.Sinks[0].URI != "" || !slices.Equal(got, want) {
		t.Errorf("%+v: changed %q, want %q", p.Sinks[0], got, want)
	}
	if s := settingOf(t, p.Sinks[0].Settings, "timeout"); s.Value != "4s" || s.Default != "4s" {
		t.Errorf("%+v, want the sink's own default", s)
	}
	if s := settingOf(t, p.Sinks[1].Settings, "retry-for"); s.Value != "1h" {
		t.Errorf("%+v", s)
	}
}

func TestPlanIsTheErrorOfNew(t *testing.T) {
	for _, c := range []Config{
		{},
		uris("lok://h"),
		uris("conf://h?levle=warn&limit=x", "conf:"),
		uris("conf://u:" + canary + "@h/bad"),
		uris("conf://h?standby=true"),
		uris("conf://h?fallback=nobody"),
		{Routes: []Route{{}}},
		{Routes: []Route{{URI: "conf://h"}}, MaxRecord: 1},
	} {
		_, want := New(t.Context(), c)
		plan, err := c.Plan()
		if plan != nil || err == nil || want == nil || err.Error() != want.Error() {
			t.Errorf("%v\nNew: %v", err, want)
		}
		var mistakes *ConfigError
		if _, err := c.Ping(t.Context()); !errors.As(err, &mistakes) || err.Error() != want.Error() {
			t.Errorf("Ping: %v\nNew: %v", err, want)
		}
	}
}

func TestPlanRefusesAJournalsDirectoryThatNewWouldRefuse(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "journal")
	if err := os.WriteFile(dir, []byte("a file"), 0o600); err != nil {
		t.Fatal(err)
	}
	c := uris("conf://h")
	c.Journal.Dir = dir
	_, want := New(t.Context(), c)
	if plan, err := c.Plan(); plan != nil || err == nil || want == nil || err.Error() != want.Error() {
		t.Errorf("%v\nNew: %v", err, want)
	}
}

func TestPlanCreatesNothing(t *testing.T) {
	dir := t.TempDir()
	c := uris("conf://h", "file:"+filepath.Join(dir, "a", "x.log")+"?quarantine="+filepath.Join(dir, "q"))
	c.Journal.Dir = filepath.Join(dir, "journal")
	mustPlan(t, c)
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 0 {
		t.Errorf("created %v (%v)", entries, err)
	}
}

func TestPlannedJournalIsAbsolute(t *testing.T) {
	t.Chdir(t.TempDir())
	c := uris("conf://h")
	c.Journal.Dir = "journal"
	want, err := filepath.Abs("journal")
	if err != nil {
		t.Fatal(err)
	}
	p := mustPlan(t, c)
	if dir := settingOf(t, p.Settings, "journal"); dir.Value != want || dir.Default != "" {
		t.Errorf("%+v, want %s", dir, want)
	}
	if size := settingOf(t, p.Settings, "journal-max-bytes"); size.Value != "1GiB" || size.Changed() {
		t.Errorf("%+v, want 1GiB by default", size)
	}
}

func TestPlannedURIShowsNoSecret(t *testing.T) {
	for uri, want := range map[string]string{
		"conf://h":                                          "conf://h",
		" conf://h:8080/a/b?limit=3 ":                       "conf://h:8080/a/b?limit=3",
		"conf://u:SECRET@h/p":                               "conf://***:***@h/p",
		"conf://SECRET@h":                                   "conf://***@h",
		"conf://:SECRET@h":                                  "conf://:***@h",
		"conf://h:h@h/x?limit=3":                            "conf://***:***@h/x?limit=3",
		"conf://conf:SECRET@conf/x":                         "conf://***:***@conf/x",
		"conf://h?token=SECRET&limit=3":                     "conf://h?token=***&limit=3",
		"conf://h?token=SECRET&labels=SECRET,b":             "conf://h?token=***&labels=***,b",
		"conf://h?%74oken=SECRET":                           "conf://h?%74oken=***",
		"conf://h/SECRET?token=SECRET":                      "conf://h/***?token=***",
		"conf://${U}:${S}@h?token=${S}":                     "conf://${U}:${S}@h?token=${S}",
		"conf://${U}:x${S}@h?token=x${S}&labels=a=${S},b=c": "conf://${U}:***@h?token=***&labels=a=${S},b=c",
		"${URI}":         "${URI}",
		"${URI}&limit=3": "${URI}&limit=3",
		"conf://${HOST}/${S}?limit=${N}&timeout=${T}&name=n": "conf://${HOST}/${S}?limit=${N}&timeout=${T}&name=n",
		"plan://h?key=SECRET":                                "plan://h?key=***",
		"plan://h?password=SECRET":                           "plan://h?password=***",
	} {
		for _, secret := range []string{canary, odd} {
			encoded := escape(secret, "")
			c := envConfig(t, "FAPILOG_SINKS="+strings.ReplaceAll(uri, "SECRET", encoded), "S="+secret, "U=someone", "N=7", "T=5s",
				"HOST=h", "URI=conf://u:"+encoded+"@h?token="+encoded)
			p := mustPlan(t, c)
			if got := p.Sinks[0].URI; got != want {
				t.Errorf("%s: %s, want %s", uri, got, want)
			}
			text, err := json.Marshal(p)
			if err != nil {
				t.Fatal(err)
			}
			if form := leaks(string(text)+fmt.Sprintf("%+v", *p), secret); form != "" {
				t.Errorf("%s: %q is shown in %s", uri, form, text)
			}
		}
	}
}

func TestPlannedSettingsShowNoSecret(t *testing.T) {
	c := envConfig(t, "FAPILOG_SINKS=conf://h?token=abcd&limit=${N}&labels=a,${L}&timeout=${T}", "N=42", "L=b , c", "T=5s")
	s := mustPlan(t, c).Sinks[0].Settings
	for name, want := range map[string]string{"token": "***", "limit": "***", "labels": "***", "timeout": "5s"} {
		if got := settingOf(t, s, name).Value; got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	c = envConfig(t, "FAPILOG_SINKS=plan://h?room=${N}", "N=42")
	if got := settingOf(t, mustPlan(t, c).Sinks[0].Settings, "size").Value; got != "***" {
		t.Errorf("size is %q by another name, want ***", got)
	}
}

func init() {
	sink.Register("plan", func() sink.Opener { return &aliasedSink{size: 7} })
}

func ExampleConfig_Plan() {
	cfg, err := ConfigFromEnv("stdout?level=warn&fallback=spare", "file://localhost/tmp/spare.jsonl?name=spare&standby=true")
	if err != nil {
		fmt.Println(err)
		return
	}
	plan, err := cfg.Plan()
	if err != nil {
		fmt.Println(err) // all mistakes, as New would tell them
		return
	}
	for _, s := range plan.Sinks {
		fmt.Println(s.Name, s.URI)
		for _, setting := range s.Settings {
			if setting.Changed() {
				fmt.Printf("  %s=%s, not %q\n", setting.Name, setting.Value, setting.Default)
			}
		}
	}
	// Output:
	// stdout stdout?level=warn&fallback=spare
	//   fallback=spare, not ""
	//   level=warn, not "info"
	//   on-open=fallback, not "hold"
	// spare file://localhost/tmp/spare.jsonl?name=spare&standby=true
}
