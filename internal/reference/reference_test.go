package reference

import (
	"context"
	"errors"
	"flag"
	"net/url"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/fapilog/fapilog/sink"
)

// raven is a sink with parameters.
type raven struct {
	size sink.Bytes
	note string
	key  sink.Secret
}

func (r *raven) Flags(fs *flag.FlagSet) {
	fs.Var(&r.size, "max-size", "a `size`: <1 or 2|3\nbytes")
	fs.StringVar(&r.note, "note", r.note, "words")
	fs.Var(&r.key, "key", "the key")
	sink.Alias(fs, "maxBytes", "max-size")
	sink.Alias(fs, "limit", "max-size")
}

func (r *raven) Defaults() map[string]string {
	return map[string]string{"linger": "5ms", "level": "info"}
}

func (r *raven) SetURL(*url.URL) error { return nil }

func (r *raven) Open(context.Context) (sink.Sink, error) { return nil, errors.New("nothing to open") }

func (r *raven) Aliases() map[string]string {
	return map[string]string{"interval": "linger"}
}

// stone is a sink without any.
type stone struct{ raven }

func (s *stone) Flags(*flag.FlagSet) {}

func (s *stone) Aliases() map[string]string { return nil }

func init() {
	sink.Register("raven", func() sink.Opener { return &raven{size: 2 << 20, key: "canarytoken"} })
	sink.Register("rook", func() sink.Opener { return new(raven) })
	sink.Register("stone", func() sink.Opener { return new(stone) })
}

func general() []Setting {
	fs := new(flag.FlagSet)
	fs.String("linger", "1s", "how `long` it waits")
	fs.String("level", "info", "least level")
	return Settings(fs)
}

func mustOf(t *testing.T, scheme string) Sink {
	t.Helper()
	k, ok := Of(scheme)
	if !ok {
		t.Fatalf("no %s", scheme)
	}
	return k
}

func TestSettingHasItsOtherNamesWithIt(t *testing.T) {
	settings := mustOf(t, "raven").Settings
	var names []string
	for _, s := range settings {
		names = append(names, s.Name)
	}
	if want := []string{"interval", "key", "max-size", "note"}; !slices.Equal(names, want) {
		t.Errorf("%q, want %q", names, want)
	}
	if interval := settings[0]; interval.Meaning != "another name of linger" || interval.Default != "" {
		t.Errorf("%+v", interval)
	}
	size := settings[2]
	if !slices.Equal(size.Aliases, []string{"limit", "maxBytes"}) || size.Default != "2MiB" || size.Meaning != "a size: <1 or 2|3 bytes" {
		t.Errorf("%+v", size)
	}
}

func TestSecretDefaultIsNotShown(t *testing.T) {
	k := mustOf(t, "raven")
	if text := SinksMarkdown([]Sink{k}) + Text(k.Settings, 0); strings.Contains(text, "canarytoken") {
		t.Error("the secret is shown")
	}
}

func TestSchemesThatAreNotRegisteredAreLeftOut(t *testing.T) {
	if sinks := All([]string{"raven", "nobody", "stone"}); len(sinks) != 2 || sinks[1].Scheme != "stone" {
		t.Errorf("%+v", sinks)
	}
	if _, ok := Of("nobody"); ok {
		t.Error("a scheme that nobody has registered")
	}
}

func TestSinksThatAreNotLinkedAreTold(t *testing.T) {
	absent := Absent()
	var schemes []string
	for _, k := range absent {
		schemes = append(schemes, k.Scheme)
		if k.Summary == "" || k.Example == "" || len(k.Settings) > 0 {
			t.Errorf("%+v", k)
		}
	}
	if !slices.IsSorted(schemes) || !slices.Contains(schemes, "cloudwatch") || slices.Contains(schemes, "raven") {
		t.Errorf("%q", schemes)
	}
}

func TestMarkdownTables(t *testing.T) {
	sinks := All([]string{"raven", "stone"})
	want := "| URI | parameter | default | meaning |\n|---|---|---|---|\n" +
		"| `raven:` | `interval` |  | another name of linger |\n" +
		"|  | `key` | `***` | the key |\n" +
		"|  | `max-size` | `2MiB` | a size: &lt;1 or 2\\|3 bytes (also `limit`, `maxBytes`) |\n" +
		"|  | `note` |  | words |\n" +
		"| `stone:` | | |  |\n"
	if got := SinksMarkdown(sinks); got != want {
		t.Errorf("\n%s\nwant\n%s", got, want)
	}
	want = "| parameter | default | meaning |\n|---|---|---|\n" +
		"| `level` | `info` | least level |\n" +
		"| `linger` | `1s`; raven, stone: `5ms` | how long it waits |\n"
	if got := Markdown("parameter", Prefer(general(), sinks)); got != want {
		t.Errorf("\n%s\nwant\n%s", got, want)
	}
}

func TestTextTables(t *testing.T) {
	want := "  interval        another name of linger\n" +
		"  key       ***   the key\n" +
		"  max-size  2MiB  a size: <1 or 2|3 bytes\n" +
		"    also limit\n" +
		"    also maxBytes\n" +
		"  note            words\n"
	if got := Text(mustOf(t, "raven").Settings, 2); got != want {
		t.Errorf("\n%s\nwant\n%s", got, want)
	}
	want = "level   info  least level\n" +
		"linger  1s    how long it waits; raven, rook: 5ms\n"
	if got := Text(Prefer(general(), All([]string{"rook", "raven"})), 0); got != want {
		t.Errorf("\n%s\nwant\n%s", got, want)
	}
	want = "level   info  least level\n" +
		"linger  5ms   how long it waits\n"
	if got := Text(mustOf(t, "raven").With(general()), 0); got != want {
		t.Errorf("\n%s\nwant\n%s", got, want)
	}
}

func TestTextKeepsItsWidth(t *testing.T) {
	long := strings.Repeat("wörds and ", 40)
	text := Text([]Setting{
		{Name: "a", Default: "1", Meaning: long},
		{Name: "b", Default: strings.Repeat("d", widest+1), Meaning: long},
		{Name: strings.Repeat("n", widest+1), Meaning: long},
		{Name: "c"},
	}, 4)
	for line := range strings.Lines(text) {
		if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > Width || strings.HasSuffix(line, " \n") {
			t.Errorf("%d characters: %q", n, line)
		}
	}
	if n := strings.Count(text, "wörds"); n != 3*40 {
		t.Errorf("%d words, want 120", n)
	}
}
