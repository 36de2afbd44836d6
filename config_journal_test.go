package fapilog

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fapilog/fapilog/journal"
)

// durable returns a Config with a durable journal, which is never opened, and
// these routes.
func durable(routes ...Route) Config {
	return Config{Journal: journal.Config{Dir: "/no/such/directory"}, Routes: routes}
}

// keyOf returns the key of a sink.
func keyOf(t *testing.T, r Route) string {
	t.Helper()
	return mustResolve(t, durable(r))[0].key
}

func TestKeyOfASinkStaysWhileItsDestinationDoes(t *testing.T) {
	base := keyOf(t, Route{URI: "conf://h:1/p"})
	if !validName.MatchString(base) || !strings.HasPrefix(base, "conf-") || len(base) != len("conf-")+12 {
		t.Errorf("key %q", base)
	}
	if base != "conf-8cc77facc491" {
		t.Errorf("key %q: those of earlier versions are not found again", base)
	}
	for _, same := range []string{"conf://a:b@h:1/p", "conf://a:c@h:1/p", "conf://H:1/p", "CONF://h:1/p", "conf://h:1/p?level=warn&breaker=false", " conf://h:1/p "} {
		if got := keyOf(t, Route{URI: same}); got != base {
			t.Errorf("%s has key %q, want %q", same, got, base)
		}
	}
	seen := map[string]string{base: "conf://h:1/p"}
	for _, other := range []string{"conf://h:2/p", "conf://h:1/q", "conf://h:1/P", "conf://h:1", "conf://h/1/p", "stdout", "stderr", "file:h", "file:/h"} {
		got := keyOf(t, Route{URI: other})
		if earlier, taken := seen[got]; taken {
			t.Errorf("%s and %s have one key", other, earlier)
		}
		seen[got] = other
	}
	if keyOf(t, Route{URI: "file:/var/log/a"}) != keyOf(t, Route{URI: "file:///var/log/a"}) {
		t.Error("two ways to write one path have two keys")
	}
}

func TestNameOfASinkIsItsKey(t *testing.T) {
	for _, r := range []Route{{Name: "n", URI: "conf://h"}, {URI: "conf://h?name=n"}, {Name: "x", URI: "conf://h?name=n"}, {Name: "n", Sink: discard}} {
		if got := keyOf(t, r); got != "n" {
			t.Errorf("%+v: key %q", r, got)
		}
	}
}

func TestSinksThatADurableJournalCannotTellApartAreAMistake(t *testing.T) {
	hashed := keyOf(t, Route{URI: "stdout"})
	for _, test := range []struct {
		name   string
		routes []Route
		want   []string
	}{
		{"one destination twice", []Route{{URI: "stdout"}, {URI: "stderr"}, {URI: "stdout?level=warn"}},
			[]string{"sink 3: stdout-2 and sink 1, stdout, are one to a durable journal"}},
		{"three times", []Route{{URI: "stdout"}, {URI: "stdout"}, {URI: "stdout"}},
			[]string{"sink 2: stdout-2 and sink 1, stdout,", "sink 3: stdout-3 and sink 1, stdout,"}},
		{"one of them has a name", []Route{{URI: "stdout"}, {URI: "stdout?name=second"}}, nil},
		{"one of them is disabled", []Route{{URI: "stdout"}, {URI: "stdout?enabled=false"}}, nil},
		{"a name that is another's key", []Route{{URI: "stdout"}, {Name: hashed, URI: "stderr"}}, []string{"sink 2: " + hashed + " and sink 1, stdout,"}},
		{"names that are one file on some systems", []Route{{Name: "a", URI: "stdout"}, {Name: "A", URI: "stderr"}}, []string{"sink 2: A and sink 1, a,"}},
		{"one name twice is told once", []Route{{Name: "a", URI: "stdout"}, {Name: "a", URI: "stderr"}}, []string{`sink 2: name "a" is taken by sink 1`}},
		{"a Sink without a name", []Route{{Name: "a", Sink: discard}, {Sink: discard}}, []string{"sink 2: a Sink without a Name; a durable journal needs one"}},
		{"a broken one is not judged", []Route{{Sink: discard, Delivery: Delivery{InFlight: -1}}}, []string{"sink 1: InFlight is negative"}},
		{"nor is one that cannot be read", []Route{{URI: "stdot"}, {URI: "stdot"}}, []string{"sink 1: unknown", "sink 2: unknown"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := durable(test.routes...).resolve()
			if test.want != nil {
				checkMistakes(t, err, test.want...)
			} else if err != nil {
				t.Error(err)
			}
		})
	}
	mustResolve(t, Config{Routes: []Route{{URI: "stdout"}, {URI: "stdout"}, {Sink: discard}}}) // in memory there is nothing to find again
}

func TestKeysAreFitForFilesWhateverTheScheme(t *testing.T) {
	for _, scheme := range []string{"a+b", strings.Repeat("long-", 20), "a.b"} {
		if key := placeKey(scheme, "p"); !validName.MatchString(key) {
			t.Errorf("%q has key %q", scheme, key)
		}
	}
}

func TestQuarantineOfADurableJournalIsInItsDirectory(t *testing.T) {
	spare := Route{Name: "spare", Sink: discard, Standby: true}
	with := func(c Config, d Delivery) Config { c.Defaults = d; return c }
	for _, test := range []struct {
		name   string
		config Config
		want   string
	}{
		{"by itself", durable(Route{URI: "conf://h", Delivery: Delivery{Fallback: "spare"}}, spare), "/no/such/directory/quarantine"},
		{"Defaults say otherwise", with(durable(Route{URI: "conf://h", Delivery: Delivery{Fallback: "spare"}}, spare), Delivery{Quarantine: "q"}), "q"},
		{"in memory there is none", Config{Routes: []Route{{URI: "conf://h", Delivery: Delivery{Fallback: "spare"}}, spare}}, ""},
	} {
		for _, r := range mustResolve(t, test.config) {
			if got := filepath.ToSlash(r.delivery.Quarantine); got != test.want {
				t.Errorf("%s: sink %s has %q, want %q", test.name, r.name, got, test.want)
			}
		}
	}
}

func TestFromIsOfTheRouteAndTheURIGoesBeforeIt(t *testing.T) {
	for _, test := range []struct {
		route Route
		want  From
	}{
		{Route{URI: "stdout"}, 0},
		{Route{URI: "stdout?from=oldest"}, FromOldest},
		{Route{URI: "stdout?from=end"}, FromEnd},
		{Route{URI: "stdout", From: FromEnd}, FromEnd},
		{Route{URI: "stdout?from=oldest", From: FromEnd}, FromOldest},
	} {
		for _, c := range []Config{{Routes: []Route{test.route}}, durable(test.route)} {
			if got := mustResolve(t, c)[0].from; got != test.want {
				t.Errorf("%+v: from %v, want %v", test.route, got, test.want)
			}
		}
	}
}

func TestJournalsDirectoryIsThatOfTheMomentOfNew(t *testing.T) {
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for dir, want := range map[string]string{"": "", "logs/j": filepath.Join(here, "logs", "j"), "./j": filepath.Join(here, "j"), here: here} {
		c, err := Config{Journal: journal.Config{Dir: dir}}.absolute()
		if err != nil || c.Journal.Dir != want {
			t.Errorf("%q is %q (%v), want %q", dir, c.Journal.Dir, err, want)
		}
	}
}

func TestDurableJournalIsLargerThanOneInMemory(t *testing.T) {
	c := durable().withDefaults()
	if c.Journal.MaxBytes != 1<<30 || c.Journal.SegmentBytes != 4<<20 {
		t.Errorf("%+v", c.Journal)
	}
}

func TestMistakeNeverTouchesTheJournalsDirectory(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "j")
	_, err := New(context.Background(), Config{Journal: journal.Config{Dir: dir}, Routes: []Route{{URI: "stdot"}}})
	checkMistakes(t, err, "sink 1: unknown scheme")
	_, err = configFrom([]string{"FAPILOG_JOURNAL=" + dir, "FAPILOG_TIMEOUT=x"}, nil)
	checkMistakes(t, err, "FAPILOG_TIMEOUT is")
	cfg, err := configFrom([]string{"FAPILOG_JOURNAL=" + dir}, nil)
	if err != nil || cfg.Journal.Dir != dir {
		t.Errorf("%+v, %v", cfg.Journal, err)
	}
	mustResolve(t, cfg)
	if _, err := os.Lstat(dir); !os.IsNotExist(err) {
		t.Errorf("%s is there: %v", dir, err)
	}
}
