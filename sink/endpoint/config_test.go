package endpoint

import (
	"flag"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/fapilog/fapilog/sink"
	"github.com/fapilog/fapilog/sink/internal/httpheader"
)

func TestSetURL(t *testing.T) {
	for _, test := range []struct {
		uri    string
		secure bool
		port   int
		path   string
		want   string // the URL, or an error if it has no ://
	}{
		{"x://h", false, 0, "", "http://h/"},
		{"x://h", true, 0, "/push", "https://h/push"},
		{"x://h/", false, 3100, "/push", "http://h:3100/push"},
		{"x://h:80", false, 3100, "", "http://h:80/"},
		{"x://h:", false, 3100, "", "http://h:3100/"},
		{"x://h/a/", false, 0, "/push", "http://h/a/"},
		{"x://h/a%2Fb", false, 0, "", "http://h/a%2Fb"},
		{"x://[::1]", false, 0, "", "http://[::1]/"},
		{"x://[::1]", false, 3100, "", "http://[::1]:3100/"},
		{"x://[::1]:1", false, 3100, "", "http://[::1]:1/"},
		{"x://canaryuser:canarypassword@h", false, 0, "", "http://h/"},
		{"x:", false, 0, "/push", "host missing; write x://host/push"},
		{"x:///push", false, 0, "", "host missing"},
		{"x://:80/push", false, 0, "", "host missing"},
		{"x:h:80", false, 0, "", "host missing"},
		{"x://h:0", false, 0, "", "want 1 to 65535"},
		{"x://h:65536", false, 0, "", "want 1 to 65535"},
		{"x://canaryuser:canarypassword@h?a=b", false, 0, "", "give the endpoint's own parameters as query="},
		{"x://canaryuser:canarypassword@h#a", false, 0, "", "do not belong"},
	} {
		t.Run(strings.ReplaceAll(test.uri, "canary", "***"), func(t *testing.T) {
			var c Config
			err := c.SetURL(mustURL(t, test.uri), test.secure, test.port, test.path)
			if strings.Contains(test.want, "://h/") || strings.HasPrefix(test.want, "http") {
				if err != nil || c.URL.String() != test.want || c.checkURL() != nil {
					t.Errorf("%v, %v, want %s", c.URL, err, test.want)
				}
			} else if err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "canary") {
				t.Errorf("the error is %v, want %q", err, test.want)
			}
			if err == nil && strings.Contains(test.uri, "@") && (c.User != "canaryuser" || c.Password.Reveal() != "canarypassword") {
				t.Errorf("user %q, password %q", c.User, c.Password.Reveal())
			}
		})
	}
}

func TestAllMistakesAreReportedTogether(t *testing.T) {
	c := Config{
		URL: mustURL(t, "http://h:99999/?a=b"), User: "canaryuser", BearerToken: "canary\ntoken", AuthScheme: "a b",
		Query: "a=canarytoken%zz", Headers: "canarytoken, X-A: canary\x01, Content-Length: 5", GzipLevel: 10, MaxResponse: -1, CAFile: "/canary",
	}
	err := c.Validate()
	for _, want := range []string{
		"query=", "query: malformed", "header: item 1 is not NAME:VALUE", "header: the value of X-A", "header: Content-Length",
		"gzip-level is 10", "limit of an answer", "more than one kind of credentials", "bearer: the token has a control", "not a word", "are for https",
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not say %q", err, want)
		}
	}
	if strings.Contains(err.Error(), "canary") {
		t.Errorf("a secret is in %v", err)
	}
}

func TestMistakesOneByOne(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "missing")
	damaged := filepath.Join(t.TempDir(), "damaged")
	if err := os.WriteFile(damaged, []byte("-----BEGIN"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name, url string
		change    func(*Config)
		want      string // empty: none
	}{
		{"nothing", "http://h/", func(c *Config) {}, ""},
		{"no URL", "http://h/", func(c *Config) { c.URL = nil }, "URL missing"},
		{"another scheme", "ftp://h/", func(c *Config) {}, "want http or https"},
		{"no host", "http:///", func(c *Config) {}, "host missing"},
		{"user info", "http://canaryuser:canarypassword@h/", func(c *Config) {}, "user info"},
		{"a query in the URL", "http://h/?canarytoken", func(c *Config) {}, "query="},
		{"a fragment", "http://h/#canarytoken", func(c *Config) {}, "query="},
		{"a query", "http://h/", func(c *Config) { c.Query = "a=1&b&c=%20+" }, ""},
		{"a query with a space", "http://h/", func(c *Config) { c.Query = "a=canary token" }, "percent-encode"},
		{"a query with a fragment", "http://h/", func(c *Config) { c.Query = "a=canary#token" }, "percent-encode"},
		{"a query with a semicolon", "http://h/", func(c *Config) { c.Query = "a=canary;token" }, "malformed"},
		{"a token and a file", "http://h/", func(c *Config) { c.BearerToken, c.BearerFile = "a", "b" }, "more than one kind"},
		{"a password and a header", "http://h/", func(c *Config) { c.Password, c.Headers = "a", "authorization:b" }, "more than one kind"},
		{"files of credentials are not looked at", "http://h/", func(c *Config) { c.BasicFile = missing }, ""},
		{"TLS", "https://h/", func(c *Config) { c.Insecure = true }, ""},
		{"TLS without https", "http://h/", func(c *Config) { c.Insecure = true }, "are for https"},
		{"TLS behind a redirect", "http://h/", func(c *Config) { c.Insecure, c.Redirects = true, true }, ""},
		{"a user name with a colon", "http://h/", func(c *Config) { c.User = "canary:user" }, "colon"},
		{"a password with a colon", "http://h/", func(c *Config) { c.User, c.Password = "a", "b:c" }, ""},
		{"a missing file of authorities", "https://h/", func(c *Config) { c.CAFile = missing }, missing},
		{"a damaged file of authorities", "https://h/", func(c *Config) { c.CAFile = damaged }, "no certificate"},
		{"a missing certificate", "https://h/", func(c *Config) { c.CertFile = missing }, missing},
		{"a key alone", "https://h/", func(c *Config) { c.KeyFile = missing }, "key-file without cert-file"},
		{"insecure with authorities", "https://h/", func(c *Config) { c.Insecure, c.ServerName = true, "h" }, "insecure leaves no use"},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := Config{URL: mustURL(t, test.url)}
			test.change(&c)
			err := c.Validate()
			switch {
			case test.want == "" && err != nil:
				t.Error(err)
			case test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "canary")):
				t.Errorf("the error is %v, want %q", err, test.want)
			}
		})
	}
}

func TestFlagsSetEverySetting(t *testing.T) {
	var c Config
	fs := flag.NewFlagSet("", flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	c.Flags(fs)
	defaults := map[string]string{"gzip-level": "6", "gzip-min": "1KiB", "max-conn-age": "1m"}
	given := map[string]string{
		"query": "a=1", "header": "A:b", "basic-file": "b", "bearer": "t", "bearer-file": "f", "gzip": "true", "gzip-level": "9", "gzip-min": "0",
		"ca-file": "ca", "cert-file": "cert", "key-file": "key", "server-name": "s", "insecure": "true", "max-conn-age": "0", "redirects": "true",
	}
	fs.VisitAll(func(f *flag.Flag) {
		if want, ok := defaults[f.Name]; ok && f.DefValue != want {
			t.Errorf("%s is %s by default, want %s", f.Name, f.DefValue, want)
		}
		if _, ok := given[f.Name]; !ok {
			t.Errorf("%s is not tried", f.Name)
		}
	})
	for name, value := range given {
		if err := fs.Set(name, value); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if got := fs.Lookup("gzip-min").Value.String() + " " + fs.Lookup("max-conn-age").Value.String(); got != "0 0s" {
		t.Errorf("what is off is %q", got)
	}
	for _, name := range []string{"query", "header", "bearer"} {
		if got := fs.Lookup(name).Value.String(); got != "***" {
			t.Errorf("%s is printed: %s", name, got)
		}
	}
	want := Config{
		Query: "a=1", Headers: "A:b", BasicFile: "b", BearerToken: "t", BearerFile: "f", Gzip: true, GzipLevel: 9, GzipMin: -1,
		CAFile: "ca", CertFile: "cert", KeyFile: "key", ServerName: "s", Insecure: true, MaxConnAge: -1, Redirects: true,
	}
	if !reflect.DeepEqual(c, want) {
		t.Errorf("the settings are %+v", c)
	}
	if err := fs.Set("max-conn-age", "-5s"); err == nil || c.MaxConnAge != -1 {
		t.Errorf("a negative age: %v", err)
	}
	if err := fs.Set("max-conn-age", "5s"); err != nil || c.MaxConnAge != sink.Duration(5*time.Second) {
		t.Errorf("5 s: %v", err)
	}
}

func TestSettingsInCodeAreTheDefaultsOfFlags(t *testing.T) {
	c := Config{GzipLevel: 3, GzipMin: -1, MaxConnAge: sink.Duration(time.Hour)}
	fs := flag.NewFlagSet("", flag.ContinueOnError)
	c.Flags(fs)
	for name, want := range map[string]string{"gzip-level": "3", "gzip-min": "0", "max-conn-age": "1h"} {
		if got := fs.Lookup(name).DefValue; got != want {
			t.Errorf("%s is %s, want %s", name, got, want)
		}
	}
}

// What AddHeader takes arrives unchanged, and no error quotes a value.
func FuzzHeaders(f *testing.F) {
	f.Add("X-A", "a,b", "c")
	f.Add("X-A", `\`, `\,`)
	f.Add("a b", "", ":")
	f.Fuzz(func(t *testing.T, name, first, second string) {
		var c Config
		c.AddHeader(name, first+"canarytoken")
		c.AddHeader("X-Other", second)
		got, err := httpheader.Parse(c.Headers)
		if err != nil {
			if strings.Contains(err.Error(), "canarytoken") {
				t.Error(err)
			}
			return
		}
		if !httpheader.IsToken(name) || http.CanonicalHeaderKey(name) == "X-Other" {
			return
		}
		if a, b := got.Get(name), got.Get("X-Other"); a != strings.TrimSpace(first+"canarytoken") || b != strings.TrimSpace(second) {
			t.Errorf("%q and %q become %q and %q", first, second, a, b)
		}
	})
}

// No URI makes SetURL tell of a secret, or accept what Validate would not.
func FuzzSetURL(f *testing.F) {
	f.Add("h:1/a?b#c")
	f.Add("[::1]:99999")
	f.Add("h%zz")
	f.Fuzz(func(t *testing.T, rest string) {
		u, err := url.Parse("x://canaryuser:canarypassword@" + rest)
		if err != nil {
			return
		}
		var c Config
		err = c.SetURL(u, true, 0, "/push")
		if err == nil {
			err = c.Validate()
		}
		if err != nil && strings.Contains(strings.ReplaceAll(err.Error(), rest, ""), "canary") {
			t.Error(err)
		}
	})
}

func mustURL(t *testing.T, text string) *url.URL {
	t.Helper()
	u, err := url.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return u
}
