package sink

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"log/slog"
	"math"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestBytes(t *testing.T) {
	for s, want := range map[string]Bytes{
		"0": 0, "1": 1, "1048576": 1 << 20, "100MiB": 100 << 20, "1GiB": 1 << 30, "64KiB": 64 << 10, "1MB": 1e6, "2kb": 2000,
		"5B": 5, "1TiB": 1 << 40, "1TB": 1e12, "1PiB": 1 << 50, "1PB": 1e15, "7EiB": 7 << 60, "1EB": 1e18, " 3 KiB ": 3 << 10,
		"9223372036854775807": math.MaxInt64,
	} {
		var b Bytes
		if err := b.Set(s); err != nil || b != want {
			t.Errorf("%q is %d, %v, want %d", s, int64(b), err, want)
		}
	}
	for _, s := range []string{"", " ", "-1", "+1", "1.5GiB", "1K", "1M", "KiB", "1 2", "0x10", "1e6", "8EiB", "9223372036854775808", "1KiB1", "١"} {
		b := Bytes(42)
		if err := b.Set(s); err == nil || b != 42 {
			t.Errorf("%q is accepted as %d", s, int64(b))
		}
	}
}

func TestBytesPrintsTheShortestExactForm(t *testing.T) {
	for b, want := range map[Bytes]string{
		0: "0", 1: "1", 999: "999", 1000: "1KB", 1024: "1KiB", 1025: "1025", 1 << 20: "1MiB", 1e6: "1MB", 1500: "1500", 10240: "10KiB",
		100 << 20: "100MiB", 1024e6: "1024MB", 1 << 62: "4EiB", math.MaxInt64: "9223372036854775807", -5: "-5",
	} {
		if got := b.String(); got != want {
			t.Errorf("%d prints as %q, want %q", int64(b), got, want)
		}
	}
}

func TestDuration(t *testing.T) {
	for s, want := range map[string]time.Duration{
		"0": 0, "0s": 0, "250ms": 250 * time.Millisecond, "1m30s": 90 * time.Second, "7d": 7 * day, "1d12h": 36 * time.Hour, "1.5d": 36 * time.Hour,
		"0d": 0, "1d0": day, " 5s ": 5 * time.Second, "1d1ns": day + 1, "106751d": 106751 * day,
	} {
		var d Duration
		if err := d.Set(s); err != nil || time.Duration(d) != want {
			t.Errorf("%q is %v, %v, want %v", s, time.Duration(d), err, want)
		}
	}
	for s, want := range map[string]error{
		"5": errDurationUnit, "1.5": errDurationUnit, "00.5": errDurationUnit, "-5s": errDurationSign, "-1d": errDurationSign, "": errDuration, "d": errDuration,
		"1h2d": errDuration, "1d-5h": errDuration, "1d+5h": errDuration, "1d2d": errDuration, "five": errDuration, "5 s": errDuration, "1dx": errDuration,
		"1d5": errDurationUnit, "106752d": errDuration, "106751d24h": errDuration, "9999999999999d": errDuration, "1e3s": errDuration,
	} {
		d := Duration(42)
		if err := d.Set(s); err != want || d != 42 {
			t.Errorf("%q: %v, want %v", s, err, want)
		}
	}
}

func TestDurationPrintsWhatOneWouldWrite(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0s", time.Second: "1s", 10 * time.Second: "10s", time.Minute: "1m", 90 * time.Second: "1m30s", time.Hour: "1h", 90 * time.Minute: "1h30m",
		10 * time.Minute: "10m", day: "1d", 7 * day: "7d", 36 * time.Hour: "36h", 1500 * time.Microsecond: "1.5ms", time.Hour + time.Second: "1h0m1s",
	} {
		if got := Duration(d).String(); got != want {
			t.Errorf("%d prints as %q, want %q", d, got, want)
		}
	}
}

func TestLevel(t *testing.T) {
	for s, want := range map[string]slog.Level{
		"debug": slog.LevelDebug, "INFO": slog.LevelInfo, "Warn": slog.LevelWarn, "WARNING": slog.LevelWarn, "error": slog.LevelError, "trace": -8,
		"FATAL": 12, "critical": 12, "WARN+2": 6, "warning-1": 3, "error+0": 8, "4": 4, "-8": -8, "+3": 3, " info ": 0, "12": 12, "info-32768": -32768, "All": LevelAll,
	} {
		var l Level
		if err := l.Set(s); err != nil || l.Level() != want {
			t.Errorf("%q is %v, %v, want %v", s, l, err, want)
		}
	}
	for _, s := range []string{"", "loud", "warn+", "warn+x", "warn 2", "2+2", "+", "--1", "1.5", "warn+32768", "info+info", "warn++2", "all+1"} {
		l := Level(42)
		if err := l.Set(s); err == nil || l != 42 {
			t.Errorf("%q is accepted as %v", s, l)
		}
	}
}

func TestSecretIsNeverPrinted(t *testing.T) {
	s := Secret(tokenCanary)
	var text bytes.Buffer
	log := slog.New(slog.NewTextHandler(&text, nil))
	log.Info("secret", "token", s)
	log = slog.New(slog.NewJSONHandler(&text, nil))
	log.Info("secret", "token", s, "config", struct{ Token Secret }{s})
	asJSON, err := json.Marshal(map[string]any{"token": s, "pointer": &s})
	if err != nil {
		t.Fatal(err)
	}
	text.Write(asJSON)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "% X", "%d", "%t", "%f", "%c", "%U", "%20v", "%-20s", "%.3s"} {
		for _, v := range []any{s, &s, struct{ Token Secret }{s}, []Secret{s}, map[string]Secret{"k": s}} {
			fmt.Fprintf(&text, verb, v)
		}
	}
	fmt.Fprint(&text, s.String(), s.Get())
	fs := flag.NewFlagSet("", flag.ContinueOnError)
	fs.SetOutput(&text)
	fs.Var(&s, "token", "bearer token")
	fs.PrintDefaults()
	for _, leak := range []string{tokenCanary, tokenCanary[:3], fmt.Sprintf("%x", tokenCanary[:3])} {
		if strings.Contains(strings.ToLower(text.String()), leak) {
			t.Errorf("%q is in %s", leak, &text)
		}
	}
	if s.Reveal() != tokenCanary {
		t.Errorf("it reveals %q", s.Reveal())
	}
}

func TestSecretShowsWhetherItIsSet(t *testing.T) {
	for s, want := range map[Secret]string{"": "", "x": "***"} {
		text, _ := s.MarshalText()
		if s.String() != want || string(text) != want || s.LogValue().String() != want || fmt.Sprint(s) != want || fmt.Sprintf("%#v", s) != fmt.Sprintf("%q", want) {
			t.Errorf("%q shows as %q, %q, %v, %v, %#v", want, s.String(), text, s.LogValue(), s, s)
		}
	}
}

func TestList(t *testing.T) {
	for s, want := range map[string]List{
		"": nil, " , ,": nil, "a": {"a"}, "a,b": {"a", "b"}, " a , b c ,,d": {"a", "b c", "d"},
	} {
		l := List{"before"}
		if err := l.Set(s); err != nil || !slices.Equal(l, want) {
			t.Errorf("%q is %q, %v, want %q", s, l, err, want)
		}
	}
}

func TestEnum(t *testing.T) {
	var format string
	e := Enum(&format, "auto", "json", "pretty")
	if format != "auto" || e.String() != "auto" {
		t.Errorf("the default is %q", format)
	}
	if err := e.Set(" JSON "); err != nil || format != "json" {
		t.Errorf("it is %q, %v, want json", format, err)
	}
	wantError(t, e.Set("xml"), "want auto, json or pretty")
	if format != "json" {
		t.Errorf("a mistake has made it %q", format)
	}
	preset := "pretty"
	Enum(&preset, "auto", "pretty")
	if preset != "pretty" {
		t.Errorf("Enum replaced a value by %q", preset)
	}
}

func TestEveryValueServesPackageFlag(t *testing.T) {
	fs := flag.NewFlagSet("", flag.ContinueOnError)
	var help strings.Builder
	fs.SetOutput(&help)
	(&lokiOpener{}).Flags(fs)
	fs.VisitAll(func(f *flag.Flag) {
		if _, ok := f.Value.(flag.Getter); !ok {
			t.Errorf("%s has no Get", f.Name)
		}
	})
	fs.PrintDefaults()
	if strings.Contains(help.String(), "panic") || !strings.Contains(help.String(), "alias of tenant") {
		t.Errorf("the help is %s", &help)
	}
}

func TestAlias(t *testing.T) {
	fs := flag.NewFlagSet("", flag.ContinueOnError)
	name := fs.String("name", "", "the name")
	Alias(fs, "alias", "name")
	Alias(fs, "again", "alias")
	if err := fs.Parse([]string{"-again", "x"}); err != nil || *name != "x" {
		t.Errorf("the setting is %q, %v", *name, err)
	}
	if target, ok := AliasOf(fs.Lookup("again")); target != "name" || !ok {
		t.Errorf("again is an alias of %q, %t", target, ok)
	}
	if _, ok := AliasOf(fs.Lookup("name")); ok {
		t.Error("name is an alias")
	}
	defer func() {
		if recover() == nil {
			t.Error("an alias of nothing is accepted")
		}
	}()
	Alias(fs, "other", "nothing")
}

func TestDidYouMean(t *testing.T) {
	candidates := []string{"level", "linger"}
	for s, want := range map[string]string{"lvel": ` (did you mean "level"?)`, "LEVEL": ` (did you mean "level"?)`, "retries": ""} {
		if got := didYouMean(s, candidates); got != want {
			t.Errorf("%q: %q, want %q", s, got, want)
		}
	}
}

// FuzzValues: whatever is accepted prints as something that means the same.
func FuzzValues(f *testing.F) {
	for _, s := range []string{"", "0", "1GiB", "1500KB", "7d", "1d12h", "1h0m0s", "warn+2", "-8", "fatal", "a, b,,c", "\x00", "9223372036854775807"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		roundTrip(t, s, new(Bytes), new(Bytes))
		roundTrip(t, s, new(Duration), new(Duration))
		roundTrip(t, s, new(Level), new(Level))
		roundTrip(t, s, new(List), new(List))
		var b Bytes
		var d Duration
		if b.Set(s); b < 0 {
			t.Errorf("%q is %d bytes", s, int64(b))
		}
		if d.Set(s); d < 0 {
			t.Errorf("%q is %v", s, d)
		}
	})
}

func roundTrip(t *testing.T, s string, first, second flag.Getter) {
	if first.Set(s) != nil {
		return
	}
	if err := second.Set(first.String()); err != nil {
		t.Errorf("%q prints as %q, which is refused: %v", s, first, err)
	}
	if fmt.Sprintf("%#v", first.Get()) != fmt.Sprintf("%#v", second.Get()) || first.String() != second.String() {
		t.Errorf("%q prints as %q and then as %q", s, first, second)
	}
}
