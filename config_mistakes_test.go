package fapilog

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/fapilog/fapilog/sink"
)

// checkMistakes wants exactly these mistakes, in order, each containing the text.
func checkMistakes(t *testing.T, err error, want ...string) {
	t.Helper()
	var e *ConfigError
	if !errors.As(err, &e) {
		t.Errorf("error %v (%T), want a *ConfigError", err, err)
		return
	}
	if len(e.Mistakes) != len(want) {
		t.Errorf("%d mistakes, want %d:\n%v", len(e.Mistakes), len(want), err)
		return
	}
	for i, m := range e.Mistakes {
		if !strings.Contains(m.Error(), want[i]) {
			t.Errorf("mistake %q, want %q", m, want[i])
		}
	}
}

func TestInvalidSinkURIRaisesOnConfig(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ uri, want string }{
		{"stdot", `sink 1: unknown scheme "stdot" (did you mean "stdout"?)`},
		{"lok://h", `sink 1: unknown scheme "lok"`},
		{"://h", "sink 1: no scheme"},
		{"/var/log/app.log", "sink 1: no scheme"},
		{"conf://h?levle=info", `unknown parameter "levle" of conf (did you mean "level"?)`},
		{"conf://h?labesl=info", `(did you mean "labels"?)`},
		{"conf://h?limit=ten", `parameter "limit" is "ten": want a whole number`},
		{"conf://h?limit=1&limit=2", `parameter "limit" is given twice`},
		{"conf://h?timeout=1s&timeout=2s", `parameter "timeout" is given twice`},
		{"conf://h/p#x", "# is not allowed"},
		{"conf://h%zz", "malformed URI; percent-encode / ? # @ : in user names and passwords (invalid URL escape \"%zz\")"},
		{"conf://u:p%zz@h", "malformed URI; percent-encode / ? # @ : in user names and passwords"},
		{"conf://h:port", "malformed URI"},
		{"conf://u:pa/ss@h", "percent-encode"},
		{"conf://", "no host"},
		{"conf:///x", "no host"},
		{"file://host/x", "sink 1: "},
		{"file:", "sink 1: "},
		{"file:" + file + "/x.log", "sink 1: "},
		{"conf://h?quarantine=" + file, "is not a directory"},
		{"conf://h?quarantine=" + file + "/below", "sink 1: quarantine: "},
		{"conf://${UNSET}", "${UNSET} is not set"},
		{"conf://h?limit=${UNSET}&enabled=false", "${UNSET} is not set"},
		{"conf://${MIS SPELT}", "malformed ${…}"},
		{"conf://h/${", "malformed ${…}"},
		{"conf://${SPACE}", "${SPACE} is not a host"},
		{"conf://h?labels=50%${SPACE}", "${SPACE} follows an incomplete percent-encoding; a percent sign is %25"},
		{"conf://h/%2${SPACE}", "${SPACE} follows an incomplete percent-encoding"},
		{"conf://h?labels=%25${SPACE}&limit=x", `parameter "limit"`},
		{"${SPACE}", "${SPACE} does not begin a URI with a registered scheme"},

		{"conf://h?level=loud", `parameter "level" is "loud": want a level`},
		{"conf://h?batch-records=0", `parameter "batch-records" is "0": want a whole number, 1 or more`},
		{"conf://h?batch-records=-1", "1 or more"},
		{"conf://h?batch-records=1.5", "1 or more"},
		{"conf://h?batch-bytes=0", "1 byte or more"},
		{"conf://h?batch-bytes=1parsec", "want a size"},
		{"conf://h?linger=-1s", "not negative"},
		{"conf://h?timeout=0", "longer than 0"},
		{"conf://h?timeout=10", "unit missing"},
		{"conf://h?retry-base=0", "longer than 0"},
		{"conf://h?retry-max=0s", "longer than 0"},
		{"conf://h?retry-base=1m", "retry-max (30s) is less than retry-base (1m0s)"},
		{"conf://h?in-flight=0", "1 or more"},
		{"conf://h?breaker=perhaps", "want true or false"},
		{"conf://h?breaker-failures=0", "1 or more"},
		{"conf://h?breaker-recovery=0", "longer than 0"},
		{"conf://h?breaker-probes=0", "1 or more"},
		{"conf://h?on-open=wait", "want hold, skip or fallback"},
		{"conf://h?quarantine=", "want a text that is not empty"},
		{"conf://h?on-open=fallback", "want fallback=NAME as well"},
		{"conf://h?on-full=wait", "want drop-oldest or block"},
		{"conf://h?block-timeout=0", "or forever"},
		{"conf://h?block-timeout=never", "or forever"},
		{"conf://h?name=a/b", `parameter "name" is "a/b": want 1 to 64`},
		{"conf://h?name=..", "want 1 to 64"},
		{"conf://h?name=", "want 1 to 64"},
		{"conf://h?fallback=nobody", `sink 1: fallback: no sink is named "nobody"; the names are: conf`},
		{"conf://h?fallback=conf", "sink 1: fallback is the sink itself"},
		{"conf://h?name=a&fallback=a", "sink 1: fallback is the sink itself"},
		{"conf://h?fallback=conf&on-open=hold", "a fallback is named, and on-open is hold"},
		{"conf://h?fallback=conf&on-open=skip", "a fallback is named, and on-open is skip"},
		{"conf://h?enabled=false", "every sink is disabled"},
		{"conf://h?enabled=sometimes", "want true or false"},
	} {
		_, err := configFrom([]string{"FAPILOG_SINKS=" + test.uri, "SPACE=a b"}, nil)
		if err == nil { // it takes the list as a whole to see it
			_, err = envConfig(t, "FAPILOG_SINKS="+test.uri).resolve()
		}
		if err == nil {
			t.Errorf("%s: no error", test.uri)
			continue
		}
		checkMistakes(t, err, test.want)
	}
}

func TestMistakesOfTheListAsAWhole(t *testing.T) {
	for _, test := range []struct {
		uris []string
		want []string
	}{
		{nil, []string{"no sinks"}},
		{[]string{"stdout?name=a", "stderr?name=b", "conf://h?name=a"}, []string{`sink 3: name "a" is taken by sink 1`}},
		{[]string{"stdout?standby=true"}, []string{"sink 1: standby, but no sink with a breaker has fallback=stdout", "every sink is a standby"}},
		{[]string{"stdout", "stderr?standby=true"}, []string{"sink 2: standby"}},
		{[]string{"stdout?fallback=stderr&breaker=false", "stderr?standby=true"}, []string{"sink 2: standby"}},
		{[]string{"stdout?fallback=stderr", "stderr?fallback=stdout"}, []string{"sink 1: fallbacks form a circle: stdout, stderr, stdout"}},
		{[]string{"conf://h?fallback=conf-4", "conf://h?fallback=conf-3", "conf://h?fallback=conf-4", "conf://h?fallback=conf-2"},
			[]string{"sink 2: fallbacks form a circle: conf-2, conf-3, conf-4, conf-2"}},
		{[]string{"stdout?fallback=stderr", "stderr?enabled=false"}, []string{`sink 1: fallback: sink "stderr" is disabled`}},
		{[]string{"stdout?enabled=false", "stderr?enabled=false"}, []string{"every sink is disabled"}},
		{[]string{"stdout?fallback=stderr", "stderr?standby=true&level=warn"}, []string{"sink 2: level: without effect on a standby"}},
		{[]string{"stdout?fallback=stderr", "stderr?standby=true&linger=0&on-full=drop-oldest&block-timeout=1s&timeout=2s"},
			[]string{"sink 2: linger, on-full, block-timeout: without effect on a standby"}},
		{[]string{"stdout?fallback=x", "lok://h?name=x"}, []string{"sink 2: unknown scheme"}}, // sink 2 may be x: not told twice
		{[]string{"stdout?fallback=x", "conf://h?name=x&limit=y"}, []string{`sink 2: parameter "limit"`}},
		{[]string{"stdout?fallback=x", "conf://h?limit=y"}, []string{`sink 2: parameter "limit"`, `sink 1: fallback: no sink is named "x"`}},
		{[]string{"stdot", "stdout?level=x&linger=y", "conf://?limit=z"},
			[]string{"sink 1: unknown", `sink 2: parameter "level"`, `sink 2: parameter "linger"`, "sink 3: no host", `sink 3: parameter "limit"`}},
	} {
		_, err := uris(test.uris...).resolve()
		checkMistakes(t, err, test.want...)
	}
}

func TestMistakesInCode(t *testing.T) {
	one := func(r Route) Config { return Config{Routes: []Route{r}} }
	with := func(d Delivery) Config { return one(Route{Sink: discard, Delivery: d}) }
	set := func(f func(*Config)) Config {
		c := one(Route{Sink: discard})
		f(&c)
		return c
	}
	for _, test := range []struct {
		config Config
		want   string
	}{
		{Config{}, "no sinks; want at least one Route"},
		{one(Route{}), "sink 1: neither a URI nor a Sink"},
		{one(Route{URI: "stdout", Sink: discard}), "sink 1: both a URI and a Sink"},
		{one(Route{URI: "conf://${HOST}"}), "${HOST} is replaced only in FAPILOG_SINKS"},
		{one(Route{Name: "a b", Sink: discard}), `sink 1: name "a b"`},
		{with(Delivery{BatchRecords: -1}), "sink 1: BatchRecords is negative"},
		{with(Delivery{BatchBytes: -1}), "sink 1: BatchBytes is negative"},
		{with(Delivery{Timeout: -1}), "sink 1: Timeout is negative"},
		{with(Delivery{RetryBase: -1}), "sink 1: RetryBase is negative"},
		{with(Delivery{RetryMax: -1}), "sink 1: RetryMax is negative"},
		{with(Delivery{InFlight: -1}), "sink 1: InFlight is negative"},
		{with(Delivery{BlockTimeout: -2}), "sink 1: BlockTimeout is negative"},
		{with(Delivery{OnOpen: 4}), "sink 1: OnOpen is 4"},
		{with(Delivery{OnOpen: -1}), "sink 1: OnOpen is -1"},
		{with(Delivery{OnFull: 3}), "sink 1: OnFull is 3"},
		{with(Delivery{OnOpen: Skip, Fallback: "sink"}), "sink 1: a fallback is named, and on-open is skip"},
		{with(Delivery{RetryBase: time.Hour}), "retry-max (30s) is less than retry-base (1h0m0s)"},
		{set(func(c *Config) { c.Routes[0].Delivery.Breaker.Failures = -1 }), "sink 1: breaker: Failures is -1"},
		{set(func(c *Config) { c.Routes[0].Sink = preferring{discard, map[string]string{"ling": "1s"}} }), `sink 1: its own defaults: unknown parameter "ling"`},
		{set(func(c *Config) { c.Routes[0].Sink = preferring{discard, map[string]string{"linger": "x"}} }), `sink 1: its own defaults: parameter "linger"`},
		{set(func(c *Config) { c.Defaults.InFlight = -1 }), "defaults: InFlight is negative"},
		{set(func(c *Config) { c.Defaults.Fallback = "nobody" }), `fallback of all sinks: no sink is named "nobody"`},
		{set(func(c *Config) { c.Defaults = Delivery{OnOpen: Hold, Fallback: "sink"} }), "defaults: a fallback is named, and on-open is hold"},
		{set(func(c *Config) { c.Defaults.OnOpen = Fallback }), "sink 1: on-open is fallback; want fallback=NAME"},
		{set(func(c *Config) { c.Level = (*slog.LevelVar)(nil) }), "a nil *slog.LevelVar as Level"},
		{set(func(c *Config) { c.Level = levelFunc(nil) }), "a nil fapilog.levelFunc as Level"},
		{set(func(c *Config) { c.Defaults.Level = (*slog.LevelVar)(nil) }), "defaults: a nil *slog.LevelVar as Level"},
		{with(Delivery{Level: (*slog.LevelVar)(nil)}), "sink 1: a nil *slog.LevelVar as Level"},
		{set(func(c *Config) { c.MaxRecord = 100 }), "MaxRecord is 100"},
		{set(func(c *Config) { c.MaxRecord = -1 }), "MaxRecord is -1"},
		{set(func(c *Config) { c.MaxRecord = 40 << 20 }), "records of up to 40MiB do not fit into the journal's segments of 32MiB"},
		{set(func(c *Config) { c.Journal.MaxBytes = 512 << 10 }), "raise Journal.MaxBytes or lower MaxRecord"},
		{set(func(c *Config) { c.Journal.SegmentBytes = 64 << 10 }), "segments of 64KiB; raise Journal.SegmentBytes or lower MaxRecord"},
		{set(func(c *Config) { c.Journal.MaxBytes = -1 }), "journal: MaxBytes is -1"},
		{set(func(c *Config) { c.Journal.Dir = "/d?fsync=1s"; c.Routes[0].Name = "a" }), `Journal.Dir is "/d?fsync=1s": fsync is not supported`},
		{set(func(c *Config) { c.Journal.Dir = "pg://a:secret@h"; c.Routes[0].Name = "a" }), `Journal.Dir is "pg://***:***@h": want a directory, not a URI`},
		{one(Route{Sink: discard, From: -1}), "sink 1: From is -1; want FromOldest or FromEnd"},
		{one(Route{Sink: discard, From: 3}), "sink 1: From is 3"},
		{one(Route{URI: "conf://h?from=start"}), `sink 1: parameter "from" is "start"`},
		{set(func(c *Config) { c.Diagnostics = firstDefault }), "the logger that slog.Default returns at first as Diagnostics"},
		{set(func(c *Config) { c.Diagnostics = firstDefault.With("a", 1).WithGroup("g") }), "the logger that slog.Default returns at first as Diagnostics"},
		{set(func(c *Config) { c.Redact.Patterns = []string{"("} }), "Redact.Patterns[0]"},
	} {
		_, err := test.config.resolve()
		checkMistakes(t, err, test.want)
	}

	c := Config{Defaults: Delivery{Fallback: "nobody"}, Routes: []Route{{Sink: discard}, {Sink: discard}}}
	_, err := c.resolve()
	checkMistakes(t, err, "fallback of all sinks") // once
}

// firstDefault is taken before an example sets another.
var firstDefault = slog.Default()

// levelFunc is a Leveler that may be nil and is no pointer.
type levelFunc func() slog.Level

func (f levelFunc) Level() slog.Level { return f() }

func TestStandbyHasNoLevelFilterOrJournalOfItsOwn(t *testing.T) {
	standby := func(r Route) Config {
		r.Name, r.Sink, r.Standby = "spare", discard, true
		return Config{Routes: []Route{{Sink: discard, Delivery: Delivery{Fallback: "spare"}}, r}}
	}
	all := standby(Route{
		Filter:   func(sink.Record) bool { return true },
		From:     FromEnd,
		Delivery: Delivery{Level: slog.LevelWarn, Linger: -1, OnFull: Block, BlockTimeout: Forever},
	})
	_, err := all.resolve()
	checkMistakes(t, err, "sink 2: filter, from, level, linger, on-full, block-timeout: without effect on a standby, which writes all that is diverted to it, at once")

	uri := standby(Route{Delivery: Delivery{Linger: time.Second}})
	uri.Routes[1].Sink, uri.Routes[1].URI = nil, "conf://h?level=warn"
	_, err = uri.resolve()
	checkMistakes(t, err, "sink 2: level, linger: without effect") // together

	inherited := standby(Route{Delivery: Delivery{BatchRecords: 3, Timeout: time.Second, InFlight: 2}})
	inherited.Level = slog.LevelWarn
	inherited.Defaults = Delivery{Level: slog.LevelError, Linger: time.Second, OnFull: Block, BlockTimeout: time.Second}
	mustResolve(t, inherited)
	inherited.Routes[1].Sink = preferring{discard, map[string]string{"linger": "5ms"}}
	mustResolve(t, inherited)
}

// held is a sink with a state.
type held struct{ sink.Func }

// stateless is a sink without one: all values of it are equal.
type stateless struct{}

func (stateless) Write(context.Context, []sink.Record) error { return nil }
func (stateless) Close() error                               { return nil }

// boxed can be compared only while what is in it can be.
type boxed struct{ sink.Sink }

func TestSinkOfTwoRoutesIsAMistake(t *testing.T) {
	one, other := &held{Func: discard}, &held{Func: discard}
	for _, test := range []struct {
		name  string
		sinks []sink.Sink
		want  []string
	}{
		{"one pointer", []sink.Sink{one, other, one, one}, []string{"sink 3: is the same Sink as sink 1", "sink 4: is the same Sink as sink 1"}},
		{"one pointer in two values", []sink.Sink{boxed{one}, boxed{other}, boxed{one}}, []string{"sink 3: is the same Sink as sink 1"}},
		{"a function", []sink.Sink{discard, discard}, nil},
		{"values that cannot be compared", []sink.Sink{boxed{discard}, boxed{discard}, held{Func: discard}, held{Func: discard}}, nil},
		{"sinks without a state", []sink.Sink{stateless{}, stateless{}, new(stateless), new(stateless)}, nil},
	} {
		var c Config
		for _, s := range test.sinks {
			c.Routes = append(c.Routes, Route{Sink: s})
		}
		_, err := c.resolve()
		if test.want == nil {
			if err != nil {
				t.Errorf("%s: %v", test.name, err)
			}
			continue
		}
		checkMistakes(t, err, test.want...)
	}
}

func TestMistakesInVariables(t *testing.T) {
	for pair, want := range map[string]string{
		"FAPILOG_SINKS=,,":                                                 "FAPILOG_SINKS: only empty items",
		"FAPILOG_LEVEL=loud":                                               `FAPILOG_LEVEL is "loud": want a level`,
		"FAPILOG_TIMEOUT=0":                                                `FAPILOG_TIMEOUT is "0": want a duration longer than 0`,
		"FAPILOG_BATCH_RECORDS=many":                                       "FAPILOG_BATCH_RECORDS is",
		"FAPILOG_BREAKER=perhaps":                                          "FAPILOG_BREAKER is",
		"FAPILOG_BREAKER_FAILURES=0":                                       "FAPILOG_BREAKER_FAILURES is",
		"FAPILOG_ON_OPEN=wait":                                             "FAPILOG_ON_OPEN is",
		"FAPILOG_GRACE=-1s":                                                "FAPILOG_GRACE is",
		"FAPILOG_GRACE=soon":                                               "FAPILOG_GRACE is",
		"FAPILOG_PARALLEL_WRITES=maybe":                                    "FAPILOG_PARALLEL_WRITES is",
		"FAPILOG_JOURNAL=/d?fsync=100ms":                                   `FAPILOG_JOURNAL is "/d?fsync=100ms": fsync is not supported by this version`,
		"FAPILOG_JOURNAL=/d?max=1&fsync":                                   "fsync is not supported by this version",
		"FAPILOG_JOURNAL=file:///d":                                        "want a directory, not a URI",
		"FAPILOG_QUARANTINE=http://h/d":                                    "want a directory, not a URI",
		"FAPILOG_JOURNAL=file:d":                                           "want a directory, not a URI",
		"FAPILOG_JOURNAL=/d?max-bytes=1":                                   "want a directory without parameters",
		"FAPILOG_JOURNAL=/what?":                                           "",
		`FAPILOG_JOURNAL=C:\d`:                                             "",
		"FAPILOG_JOURNAL_SEGMENT_BYTES=x":                                  "FAPILOG_JOURNAL_SEGMENT_BYTES is",
		"FAPILOG_JOURNAL_SEGMENT_BYTES=2KiB":                               `FAPILOG_JOURNAL_SEGMENT_BYTES is "2KiB": want 257KiB or more: room for a record of 256KiB`,
		"FAPILOG_JOURNAL_SEGMENT_BYTES=2GiB":                               "at most 1073741824 are possible",
		"FAPILOG_JOURNAL_MAX_BYTES=0":                                      "FAPILOG_JOURNAL_MAX_BYTES is",
		"FAPILOG_JOURNAL_MAX_BYTES=4KiB":                                   `FAPILOG_JOURNAL_MAX_BYTES is "4KiB": want 513KiB or more`,
		"FAPILOG_JOURNAL_MAX_BYTES=512KiB":                                 "want 513KiB or more",
		"FAPILOG_JOURNAL_MAX_BYTES=513KiB":                                 "",
		"FAPILOG_MAX_RECORD=1000":                                          `FAPILOG_MAX_RECORD is "1000": want 1KiB or more`,
		"FAPILOG_MAX_RECORD=long":                                          "FAPILOG_MAX_RECORD is",
		"FAPILOG_MAX_RECORD=8MiB":                                          "",
		"FAPILOG_MAX_RECORD=1GiB":                                          `FAPILOG_MAX_RECORD is "1GiB": two such records do not fit into a journal of 64MiB; raise FAPILOG_JOURNAL_MAX_BYTES to 2097153KiB or more`,
		"FAPILOG_REDACT=some":                                              `FAPILOG_REDACT is "some": want true or false`,
		"FAPILOG_REDACT_KEYS=,":                                            "want keys, separated by commas",
		"FAPILOG_REDACT_KEYS=iban,_-":                                      "want characters besides _ - . in a key",
		"FAPILOG_REDACT_EXCEPT=.":                                          `FAPILOG_REDACT_EXCEPT is ".": want characters besides _ - . in a key`,
		"FAPILOG_REDACT_PATTERN=a(":                                        `FAPILOG_REDACT_PATTERN is "a(": want a regular expression (RE2): error parsing regexp`,
		"FAPILOG_FALLBACK=nobody":                                          `fallback of all sinks: no sink is named "nobody"`,
		"FAPILOG_CORE__LOG_LEVEL=loud":                                     `FAPILOG_CORE__LOG_LEVEL is "loud"`,
		"FAPILOG_CORE__SINK_CIRCUIT_BREAKER_RECOVERY_TIMEOUT_SECONDS=NaN":  "want a number of seconds greater than 0",
		"FAPILOG_CORE__SINK_CIRCUIT_BREAKER_RECOVERY_TIMEOUT_SECONDS=1e9":  "",
		"FAPILOG_CORE__SINK_CIRCUIT_BREAKER_RECOVERY_TIMEOUT_SECONDS=1e10": "want a number of seconds greater than 0",
		"FAPILOG_CORE__SINK_CIRCUIT_BREAKER_RECOVERY_TIMEOUT_SECONDS=0":    "want a number of seconds greater than 0",
		"FAPILOG_CORE__SINK_CIRCUIT_BREAKER_HALF_OPEN_MAX_CALLS=0":         "HALF_OPEN_MAX_CALLS is",
	} {
		c, err := configFrom([]string{pair}, nil)
		if err == nil {
			_, err = c.resolve()
		}
		if want != "" {
			checkMistakes(t, err, want)
		} else if err != nil {
			t.Errorf("%s: %v", pair, err)
		}
	}
	_, err := configFrom(nil, []string{"", " "})
	checkMistakes(t, err, "only empty URIs")
}

func TestMistakesInVariablesSinksAndTheirListAreReportedTogether(t *testing.T) {
	_, err := configFrom([]string{
		"FAPILOG_TIMEOUT=x", "FAPILOG_BRAKER=1", "FAPILOG_JOURNAL=j://j", "FAPILOG_JOURNAL_MAX_BYTES=1",
		"FAPILOG_SINKS=stdot,stdout?level=x,stderr?name=a,conf://h?name=a&fallback=b,conf://h?standby=1&name=c,lok://",
	}, nil)
	checkMistakes(t, err, "FAPILOG_JOURNAL is", "FAPILOG_TIMEOUT is", "FAPILOG_JOURNAL_MAX_BYTES is", "unknown variable FAPILOG_BRAKER",
		"sink 1: unknown scheme", `sink 2: parameter "level"`, "sink 6: unknown scheme", `sink 4: name "a" is taken by sink 3`)
	_, err = configFrom([]string{"FAPILOG_TIMEOUT=x", "FAPILOG_SINKS=,", "FAPILOG_JOURNAL_MAX_BYTES=1"}, nil)
	checkMistakes(t, err, "FAPILOG_TIMEOUT is", "FAPILOG_JOURNAL_MAX_BYTES is", "FAPILOG_SINKS: only empty items")
}

func TestRoomInTheJournalIsForRecordsOfTheLengthThatIsSet(t *testing.T) {
	if c := envConfig(t, "FAPILOG_MAX_RECORD=4KiB", "FAPILOG_JOURNAL_MAX_BYTES=64KiB", "FAPILOG_JOURNAL_SEGMENT_BYTES=8KiB"); c.Journal.MaxBytes != 64<<10 {
		t.Errorf("%+v", c.Journal)
	}
	_, err := configFrom([]string{"FAPILOG_MAX_RECORD=1MiB", "FAPILOG_JOURNAL_MAX_BYTES=2MiB", "FAPILOG_JOURNAL_SEGMENT_BYTES=1MiB"}, nil)
	checkMistakes(t, err, `FAPILOG_JOURNAL_MAX_BYTES is "2MiB": want 2049KiB or more: room for two records of 1MiB`,
		`FAPILOG_JOURNAL_SEGMENT_BYTES is "1MiB": want 1025KiB or more: room for a record of 1MiB`)
}

func TestSinksAddedInCodeMayBeTheFallbackOfVariables(t *testing.T) {
	c := envConfig(t, "FAPILOG_SINKS=stdout", "FAPILOG_FALLBACK=mine")
	c.Routes = append(c.Routes, Route{Name: "mine", Sink: discard, Standby: true})
	if routes := mustResolve(t, c); routes[0].fallback != 1 {
		t.Errorf("fallback %d, want 1", routes[0].fallback)
	}
}

func TestFilterIsHandedOn(t *testing.T) {
	called := false
	c := uris("stdout?standby=false")
	c.Routes[0].Filter = func(sink.Record) bool { called = true; return false }
	c.Routes[0].Standby = true
	r := mustResolve(t, c)[0]
	if r.filter(sink.Record{}) || !called || r.standby {
		t.Errorf("route %+v", r)
	}
}

func TestConfigErrorUnwrapsToItsMistakes(t *testing.T) {
	err := configError([]error{errors.New("x"), context.Canceled})
	if !errors.Is(err, context.Canceled) || err.Error() != "fapilog: 2 mistakes in the configuration\n\tx\n\tcontext canceled" {
		t.Errorf("%v", err)
	}
	if err := configError([]error{errors.New("x")}); err.Error() != "fapilog: x" {
		t.Errorf("%v", err)
	}
	if configError(nil) != nil {
		t.Error("an error without mistakes")
	}
}
