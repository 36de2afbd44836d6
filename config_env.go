package fapilog

import (
	"errors"
	"flag"
	"fmt"
	"maps"
	"math"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/fapilog/fapilog/internal/nearest"
)

const envPrefix = "FAPILOG_"

// ConfigFromEnv returns the configuration that the environment describes, with
// the given sinks or, without any, those listed in FAPILOG_SINKS, separated by
// commas; where that is unset or blank, the console: stdout.
//
//   - FAPILOG_LEVEL and FAPILOG_GRACE are Config.Level and Grace;
//     FAPILOG_PARALLEL_WRITES=false is Serial. FAPILOG_GRACE=0 is not unset:
//     Close does not wait.
//   - FAPILOG_REDACT=off is Redact.Off; FAPILOG_REDACT_KEYS and FAPILOG_REDACT_EXCEPT
//     are Redact.Keys and Except, separated by commas. FAPILOG_REDACT_PATTERN is one
//     regular expression for Redact.Patterns: a|b is either of two.
//   - FAPILOG_MAX_RECORD is Config.MaxRecord.
//   - FAPILOG_JOURNAL, a directory, FAPILOG_JOURNAL_MAX_BYTES and
//     FAPILOG_JOURNAL_SEGMENT_BYTES are Journal.Dir, MaxBytes and SegmentBytes. The
//     journal must have room for two of the longest records, and a segment for one.
//   - FAPILOG_ and a parameter of [Delivery] in upper case, with _ for its hyphens,
//     is that field of Config.Defaults: FAPILOG_BREAKER_FAILURES, FAPILOG_TIMEOUT.
//   - FAPILOG_CORE__LOG_LEVEL, FAPILOG_CORE__SINK_PARALLEL_WRITES and, each after
//     FAPILOG_CORE__SINK_CIRCUIT_BREAKER_, ENABLED, FAILURE_THRESHOLD,
//     RECOVERY_TIMEOUT_SECONDS, HALF_OPEN_MAX_CALLS and FALLBACK_SINK have the
//     values they have for the Python original. The names above go before them.
//
// A blank variable is unset. One whose name is nearly that of another is an error;
// all others are ignored, since platforms set some of their own accord
// (Kubernetes: FAPILOG_PORT, for a service named fapilog, and all that it sets for one
// named fapilog-journal).
//
// ${NAME} in a sink's URI is the variable's value, percent-encoded where it is
// part of user name, password, path or query; an unset one is an error. The value
// is a secret, unless it is that of a parameter of Delivery, name, standby or
// enabled. The Config remembers the values: New does not read the environment.
//
// The error is a [*ConfigError] with all mistakes. Which sinks there are, and
// whether they fit together, is for New to judge, so that a program can add its
// own Routes.
func ConfigFromEnv(uris ...string) (Config, error) {
	return configFrom(os.Environ(), uris)
}

func configFrom(environ, uris []string) (Config, error) {
	env := readEnvironment(environ)
	var cfg Config
	mistakes := env.configure(&cfg)
	routes, err := env.routes(uris)
	if err != nil {
		return Config{}, configError(append(append(mistakes, err), cfg.check()...))
	}
	cfg.Routes = routes
	_, ofSinks := cfg.drafts()
	if len(mistakes)+len(ofSinks)+len(cfg.check()) == 0 {
		return cfg, nil
	}
	// There is no way to New from here: tell of all that it would.
	_, err = cfg.resolve()
	return Config{}, configError(append(mistakes, flatten(err)...))
}

// environment is all variables. Only those that a URI refers to, and those of
// this package, are ever read.
type environment map[string]string

func readEnvironment(environ []string) environment {
	e := make(environment, len(environ))
	for _, pair := range environ {
		name, value, _ := strings.Cut(pair, "=")
		e[name] = value
	}
	return e
}

// routes returns the routes to uris or, without any, to those in FAPILOG_SINKS.
func (e environment) routes(uris []string) (routes []Route, err error) {
	listed := false // in FAPILOG_SINKS
	items := slices.DeleteFunc(slices.Clone(uris), func(s string) bool { return strings.TrimSpace(s) == "" })
	switch {
	case len(items) > 0:
	case len(uris) > 0:
		return nil, errors.New("only empty URIs; want one such as stdout")
	default:
		listed = true
		if items, err = splitSinks(e["FAPILOG_SINKS"]); err != nil {
			return nil, fmt.Errorf("FAPILOG_SINKS: %w", err)
		}
	}
	if len(items) == 0 {
		items = []string{"stdout"}
	}
	for i, item := range items {
		if isSeveral(item) {
			return nil, fmt.Errorf("sink %d: several URIs in one; give them one by one (a comma that belongs to a URI is %%2C)", i+1)
		}
		r := Route{URI: item, variable: e.only(referenced(item))}
		r.ambiguous = listed && i > 0 && isScheme(item) && strings.Contains(items[i-1], "?")
		routes = append(routes, r)
	}
	return routes, nil
}

// only returns a lookup that knows these variables and keeps no others: a Config
// is not to hold every secret there is.
func (e environment) only(names []string) lookup {
	known := make(map[string]string)
	for _, name := range names {
		if value, ok := e[name]; ok {
			known[name] = value
		}
	}
	return func(name string) (string, bool) {
		value, ok := known[name]
		return value, ok
	}
}

// configure sets what the variables say other than the sinks.
func (e environment) configure(cfg *Config) (mistakes []error) {
	fs := flag.NewFlagSet("", flag.ContinueOnError)
	cfg.bind(fs)
	known := []string{"FAPILOG_SINKS"}
	fs.VisitAll(func(f *flag.Flag) {
		name := envPrefix + strings.ToUpper(strings.ReplaceAll(f.Name, "-", "_"))
		known = append(known, name)
		if value := e[name]; strings.TrimSpace(value) != "" {
			if err := f.Value.Set(value); err != nil {
				mistakes = append(mistakes, malformed(name, value, err))
			}
		} else if err := e.applyAlias(f); err != nil {
			mistakes = append(mistakes, err)
		}
	})
	cfg.Level, cfg.Defaults.Level = cfg.Defaults.Level, nil
	mistakes = append(mistakes, e.checkRoom("JOURNAL_MAX_BYTES", &cfg.Journal.MaxBytes, 2, cfg.MaxRecord)...)
	mistakes = append(mistakes, e.checkRoom("JOURNAL_SEGMENT_BYTES", &cfg.Journal.SegmentBytes, 1, cfg.MaxRecord)...)
	mistakes = append(mistakes, e.checkMaxRecord(cfg)...)
	return append(mistakes, e.misspelt(known)...)
}

// bind binds c's fields to the variables, whose names are those of the flags in
// upper case with _ for hyphens.
func (c *Config) bind(fs *flag.FlagSet) {
	c.Defaults.bind(fs)
	fs.Var(durationSetting(&c.Grace, none), "grace", "how `long` Close may take; 0: it does not wait")
	fs.Var(dirSetting(&c.Journal.Dir, checkJournalDir), "journal", "`directory` of a durable journal")
	fs.Var(bytesSetting(&c.Journal.MaxBytes), "journal-max-bytes", "`size` of the journal")
	fs.Var(bytesSetting(&c.Journal.SegmentBytes), "journal-segment-bytes", "`size` of one of its segments")
	fs.Var(maxRecordSetting(&c.MaxRecord), "max-record", "`size` of the longest record; a longer one is cut and marked")
	fs.Var(setting{
		set: func(s string) error {
			parallel, err := parseBool(s)
			c.Serial = err == nil && !parallel
			return err
		},
		show:    func() string { return strconv.FormatBool(!c.Serial) },
		boolean: true,
	}, "parallel-writes", "deliver to all sinks at the same time")
	bindRedact(&c.Redact, fs)
}

func malformed(name, value string, err error) error {
	return fmt.Errorf("%s is %s: %w", name, quote(value), err)
}

// aliases are the variables of the Python original, by the parameter that they
// set.
var aliases = map[string]string{
	"level":            "FAPILOG_CORE__LOG_LEVEL",
	"parallel-writes":  "FAPILOG_CORE__SINK_PARALLEL_WRITES",
	"breaker":          "FAPILOG_CORE__SINK_CIRCUIT_BREAKER_ENABLED",
	"breaker-failures": "FAPILOG_CORE__SINK_CIRCUIT_BREAKER_FAILURE_THRESHOLD",
	"breaker-recovery": "FAPILOG_CORE__SINK_CIRCUIT_BREAKER_RECOVERY_TIMEOUT_SECONDS",
	"breaker-probes":   "FAPILOG_CORE__SINK_CIRCUIT_BREAKER_HALF_OPEN_MAX_CALLS",
	"fallback":         "FAPILOG_CORE__SINK_CIRCUIT_BREAKER_FALLBACK_SINK",
}

// applyAlias sets a parameter whose own variable is not set.
func (e environment) applyAlias(f *flag.Flag) error {
	name := aliases[f.Name]
	value := strings.TrimSpace(e[name])
	if value == "" {
		return nil
	}
	set := value
	switch f.Name {
	case "fallback":
		if onOpen := strings.TrimSpace(e["FAPILOG_ON_OPEN"]); onOpen != "" && !strings.EqualFold(onOpen, "fallback") {
			return nil // a new name that says otherwise
		}
	case "breaker-recovery":
		seconds, err := strconv.ParseFloat(value, 64)
		if err != nil || !(seconds > 0 && seconds < math.MaxInt64/1e9) {
			return malformed(name, value, errors.New("want a number of seconds greater than 0"))
		}
		set = time.Duration(seconds * 1e9).String()
	}
	if err := f.Value.Set(set); err != nil {
		return malformed(name, value, err)
	}
	return nil
}

// ofService matches the end of variables that Kubernetes sets for each service, in every
// pod: FAPILOG_JOURNAL_SERVICE_HOST, for one named fapilog-journal.
var ofService = regexp.MustCompile(`(^|_)(SERVICE_HOST|SERVICE_PORT(_[A-Z0-9_]+)?|PORT|PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)$`)

// misspelt reports variables that are nearly one of the known ones: that are some
// letters off, or share its first or last word. Names with __ are those of the
// Python original, which has many that mean nothing here.
func (e environment) misspelt(known []string) (mistakes []error) {
	for _, name := range slices.Sorted(maps.Keys(e)) {
		word, ours := strings.CutPrefix(name, envPrefix)
		if !ours || strings.Contains(word, "__") || slices.Contains(known, name) || ofService.MatchString(word) {
			continue
		}
		// Fewer than for a hint: a foreign variable must not be an error.
		edits := min(3, max(1, len(word)/3))
		meant, ok := nearest.Within(edits, name, known)
		if !ok {
			meant, ok = sharingWord(word, known)
		}
		if ok {
			mistakes = append(mistakes, fmt.Errorf("unknown variable %.64s (did you mean %s?)", name, meant))
		}
	}
	return mistakes
}

// sharingWord returns the first known variable whose first or last word is that
// of word. Words are joined by _.
func sharingWord(word string, known []string) (name string, ok bool) {
	words := strings.Split(word, "_")
	for _, k := range known {
		ks := strings.Split(k[len(envPrefix):], "_")
		if words[0] == ks[0] || words[len(words)-1] == ks[len(ks)-1] {
			return k, true
		}
	}
	return "", false
}
