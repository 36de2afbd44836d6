package sink

import (
	"context"
	"flag"
	"net/url"
	"strings"
	"testing"
)

// renamed has names of its own for parameters that every sink has.
type renamed struct{ names map[string]string }

func (a *renamed) Flags(fs *flag.FlagSet)             { fs.Bool("gzip", false, "compress") }
func (a *renamed) SetURL(*url.URL) error              { return nil }
func (a *renamed) Open(context.Context) (Sink, error) { return Func(nil), nil }
func (a *renamed) Aliases() map[string]string         { return a.names }

func init() {
	Register("renamed", func() Opener {
		return &renamed{map[string]string{"batch_size": "batch-records", "interval": "linger"}}
	})
	Register("renamed-twice", func() Opener { return &renamed{map[string]string{"gzip": "batch-records"}} })
}

func TestASinkCanHaveItsOwnNamesForWhatEverySinkHas(t *testing.T) {
	var records int
	var set []string
	var parameters *flag.FlagSet
	bind := func(fs *flag.FlagSet) {
		fs.IntVar(&records, "batch-records", 1000, "records")
		parameters = fs
	}
	if _, err := Parse("renamed:?batch_size=7", bind); err != nil {
		t.Fatal(err)
	}
	parameters.Visit(func(f *flag.Flag) { set = append(set, f.Name) })
	if records != 7 || strings.Join(set, " ") != "batch-records" {
		t.Errorf("batch-records is %d; set are %q", records, set)
	}
	if name, _ := AliasOf(parameters.Lookup("batch_size")); name != "batch-records" {
		t.Errorf("batch_size is an alias of %q", name)
	}

	for name, c := range map[string]struct {
		uri  string
		bind func(*flag.FlagSet)
		want string
	}{
		"both names":                 {"renamed:?batch_size=7&batch-records=8", bind, `"batch_size" and "batch-records" are the same`},
		"a malformed value":          {"renamed:?batch_size=many", bind, `"batch_size" is "many": want a whole number`},
		"nobody has the parameter":   {"renamed:?interval=1s", bind, `unknown parameter "interval"`},
		"there is no pipeline":       {"renamed:?batch_size=7", nil, `unknown parameter "batch_size"`},
		"the alias is its parameter": {"renamed-twice:", bind, `parameter "gzip" is defined twice`},
	} {
		if _, err := Parse(c.uri, c.bind); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: the error is %v; want %s", name, err, c.want)
		}
	}
}
