package sink

import (
	"context"
	"errors"
	"flag"
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestParseSetsEveryKindOfParameter(t *testing.T) {
	o, err := Parse(" LOKI://me:p%40ss@h:3100/a%20b?tenant=t1&format=LOGFMT&lines=7&ratio=0.5&workers=3&gzip&wait=1m&idle=7d&"+
		"max-line=64KiB&minimum=warn+2&token=s3cret&labels=app=api,%20env=prod&", nil)
	if err != nil {
		t.Fatal(err)
	}
	got := o.(*lokiOpener)
	if password, _ := got.user.Password(); got.user.Username() != "me" || password != "p@ss" {
		t.Errorf("user info is %q, %q", got.user.Username(), password)
	}
	got.user = nil
	want := &lokiOpener{host: "h:3100", path: "/a b", tenant: "t1", format: "logfmt", lines: 7, ratio: 0.5, workers: 3, gzip: true,
		wait: time.Minute, linger: Duration(7 * 24 * time.Hour), maxLine: 64 << 10, minimum: 6, token: "s3cret", labels: List{"app=api", "env=prod"}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestParseAccepts(t *testing.T) {
	for _, uri := range []string{
		"bare", "BARE", " bare ", "bare:", "bare://", "bare?", "bare:?", "bare:?&",
		"bare:/var/log/app@1.log", "bare:///var/log/a:b@1.log", "bare:app@1.log", "bare:/a%23b%3Fc", "bare:/a b",
		"loki://h?org=t1", "loki://h?gzip=false", "loki://[::1]:3100", "loki://h?tenant=", "loki://user:p@ss@h", "loki://h?t%65nant=x",
	} {
		if _, err := Parse(uri, nil); err != nil {
			t.Errorf("%s: %v", uri, err)
		}
	}
}

func TestPlusInAValueIsAPlus(t *testing.T) {
	o, err := Parse("loki://h?tenant=a+b%20c%2Bd", nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := o.(*lokiOpener).tenant; got != "a+b c+d" {
		t.Errorf("the value is %q, want %q", got, "a+b c+d")
	}
}

func TestNothingOfOneURIIsLeftForTheNext(t *testing.T) {
	if _, err := Parse("loki://h?tenant=first&gzip", nil); err != nil {
		t.Fatal(err)
	}
	o, err := Parse("loki://h", nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := o.(*lokiOpener); got.tenant != "" || got.gzip {
		t.Errorf("the second has %+v", got)
	}
}

func TestBindSharesTheQueryAndSeesWhatIsSet(t *testing.T) {
	var timeout time.Duration
	var set []string
	var flags *flag.FlagSet
	_, err := Parse("loki://h?timeout=3s&org=t1&limit=1s", func(fs *flag.FlagSet) {
		fs.DurationVar(&timeout, "timeout", time.Second, "limit of one attempt")
		fs.Duration("limit", 0, "limit")
		fs.Duration("unset", 0, "not in the URI")
		flags = fs
	})
	if err != nil {
		t.Fatal(err)
	}
	flags.Visit(func(f *flag.Flag) { set = append(set, f.Name) })
	if timeout != 3*time.Second || strings.Join(set, " ") != "limit tenant timeout" {
		t.Errorf("timeout is %v, set are %q", timeout, set)
	}
}

func TestParseRefuses(t *testing.T) {
	for _, test := range []struct {
		name, uri string
		want      []string
	}{
		{"nothing", "", []string{"empty URI"}},
		{"white space", " \t", []string{"empty URI"}},
		{"a scheme with a typing error", "lok://h", []string{`unknown scheme "lok" (did you mean "loki"?)`}},
		{"a bare name with a typing error", "brae", []string{`unknown scheme "brae" (did you mean "bare"?)`}},
		{"a scheme that resembles none", "carrierpigeon://h", []string{`unknown scheme "carrierpigeon"`, "registered: bare, "}},
		{"a scheme of this module that is not linked", "stdout", []string{`scheme "stdout" is not linked`, `import _ "github.com/fapilog/fapilog/sink/console"`}},
		{"one that is a module of its own", "cloudwatch://app/web", []string{`scheme "cloudwatch" is not linked`, `import _ "github.com/fapilog/fapilog/sink/cloudwatch"`, "or use the command built from github.com/fapilog/fapilog/full/fapilog"}},
		{"a scheme like one that is not linked", "stdot", []string{`did you mean "stdout"?`}},
		{"a path", "/var/log/app.log", []string{"no scheme; want a URI such as file:/var/log/app.log"}},
		{"a relative path", "loki/app.log", []string{"no scheme"}},
		{"no scheme name", "://h", []string{"no scheme"}},
		{"a forgotten scheme", "admin:pw@h", []string{"no scheme"}},
		{"a bad port", "loki://h:port", []string{"malformed URI; percent-encode / ? # @ : in user names and passwords"}},
		{"a bad escape in the path", "loki://h/%zz", []string{"malformed URI", `"%zz"`}},
		{"a control character", "loki://h/\x00", []string{"malformed URI"}},
		{"a missing host", "loki:", []string{"host missing"}},
		{"a fragment", "loki://h#top", []string{"# is not allowed; percent-encode it as %23"}},
		{"an at sign in a parameter", "loki://h?tenant=a@b", []string{"percent-encode it as %40"}},
		{"an at sign in the path", "loki://h/a@b", []string{"percent-encode it as %40"}},
		{"an unknown parameter", "loki://h?tenent=t1", []string{`unknown parameter "tenent" of loki (did you mean "tenant"?)`}},
		{"a parameter in capitals", "loki://h?MAX_LINE=1", []string{`did you mean "max-line"?`}},
		{"a parameter of a sink that has none", "bare?x=1", []string{`unknown parameter "x" of bare`}},
		{"a bad name of a parameter", "loki://h?%zz=1", []string{"the name of a parameter", `"%zz"`, "%25"}},
		{"a bad escape in a value", "loki://h?tenant=50%", []string{`parameter "tenant"`, `"%"`, "a percent sign is %25"}},
		{"a semicolon", "loki://h?tenant=a;gzip=true", []string{`parameter "tenant"`, "%3B"}},
		{"a value that is missing", "loki://h?tenant", []string{`parameter "tenant": value missing; write tenant=…`}},
		{"a parameter that is given twice", "loki://h?tenant=a&tenant=b", []string{`parameter "tenant" is given twice`}},
		{"a list that is given twice", "loki://h?labels=a&labels=b", []string{`parameter "labels" is given twice; separate its items by commas`}},
		{"a parameter and its alias", "loki://h?org=a&tenant=b", []string{`parameters "org" and "tenant" are the same one`}},
		{"a bad whole number", "loki://h?lines=ten", []string{`parameter "lines" is "ten": want a whole number`}},
		{"a whole number out of range", "loki://h?lines=99999999999999999999", []string{`parameter "lines"`, "want a whole number"}},
		{"a negative count", "loki://h?workers=-1", []string{`parameter "workers" is "-1": want a whole number that is not negative`}},
		{"a bad number", "loki://h?ratio=half", []string{`parameter "ratio" is "half": want a number`}},
		{"a bad boolean", "loki://h?gzip=yes", []string{`parameter "gzip" is "yes": want true or false`}},
		{"an empty boolean", "loki://h?gzip=", []string{`parameter "gzip" is "": want true or false`}},
		{"a bad duration", "loki://h?wait=5", []string{`parameter "wait" is "5": want a duration such as`}},
		{"a duration without a unit", "loki://h?idle=5", []string{`parameter "idle" is "5": unit missing; want a duration such as`}},
		{"a bad size", "loki://h?max-line=64kb8", []string{`parameter "max-line" is "64kb8": want a size such as`}},
		{"a bad level", "loki://h?minimum=loud", []string{`parameter "minimum" is "loud": want a level`}},
		{"a bad choice", "loki://h?format=jsn", []string{`parameter "format" is "jsn": want json or logfmt (did you mean "json"?)`}},
		{"many mistakes", "loki://:port?tenent=1&lines=x&gzip=no#end", []string{
			"# is not allowed", "malformed URI", `unknown parameter "tenent"`, `parameter "lines"`, `parameter "gzip" is "no#end": want true or false`}},
		{"mistakes of the sink and of the query", "loki:?lines=x&ratio=y", []string{"host missing", `parameter "lines"`, `parameter "ratio"`}},
		{"a sink that panics", "reckless", []string{`scheme "reckless"`, "out of order"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			o, err := Parse(test.uri, nil)
			wantError(t, err, test.want...)
			if o != nil {
				t.Error("there are settings besides the error")
			}
		})
	}
}

func TestSinkThatTakesAReservedNameIsNamed(t *testing.T) {
	_, err := Parse("twice", func(fs *flag.FlagSet) { fs.String("level", "", "lowest level") })
	wantError(t, err, `scheme "twice"`, `parameter "level" is defined twice`)
}

func TestOpen(t *testing.T) {
	s, err := Open(t.Context(), "loki://h?tenant=t1")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Write(t.Context(), []Record{{}}); err != nil {
		t.Error(err)
	}
	_, err = Open(t.Context(), "lok://h")
	wantError(t, err, "sink: ", `did you mean "loki"?`)
	_, err = Open(t.Context(), "invalid://h")
	wantError(t, err, "sink: tenant and org differ")
	_, err = Open(t.Context(), "bare")
	wantError(t, err, "sink: nothing to open")
}

func TestOpenKeepsErrorsThatHoldNoSecret(t *testing.T) {
	_, err := Open(t.Context(), "canceled://user:password@h")
	if !errors.Is(err, context.Canceled) {
		t.Errorf("%v is not context.Canceled", err)
	}
}
