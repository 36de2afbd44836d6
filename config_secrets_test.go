package fapilog

import (
	"errors"
	"flag"
	"fmt"
	"net/url"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/fapilog/fapilog/sink"
)

// canary is a secret; odd holds characters that are encoded, each in its own
// way, wherever it is printed.
const (
	canary = "Canary7secret"
	odd    = `Canary7 "s%cret/?#@:+&=` + "\n" + `é`
)

// leaks returns the form in which text holds a secret, or "".
func leaks(text, secret string) string {
	quoted := strconv.Quote(secret)
	for _, form := range []string{secret, strings.ToLower(secret), url.QueryEscape(secret), url.PathEscape(secret),
		url.UserPassword("u", secret).String()[2:], escape(secret, ""), quoted[1 : len(quoted)-1]} {
		if strings.Contains(text, form) {
			return form
		}
	}
	return ""
}

// printed returns everything that a configuration gives out to be printed.
func printed(environ ...string) string {
	c, err := configFrom(environ, nil)
	out := fmt.Sprintf("%v %+v %q", err, err, err)
	if err == nil {
		var routes []route
		routes, err = c.resolve()
		out += fmt.Sprintf("%v %+v %q", err, err, err)
		for _, r := range routes {
			out += r.name
			third := fmt.Errorf("dial %s with %s", r.opener.(*confSink).url, r.opener.(*confSink).token.Reveal())
			out += sink.NewMasker(r.secrets...).Text(third.Error())
		}
		return out + fmt.Sprintf("%v %+v %#v", c, c, c) // ${NAME} has not been replaced in it
	}
	return out
}

func TestSecretsAreInNoError(t *testing.T) {
	long := strings.Repeat("0123456789", 7)
	for _, sinks := range []string{
		"conf://u:${S}@h",
		"conf://${S}@h",
		"conf://u:${S}@h?limit=x&levle=y",
		"conf://u:${S}@h/bad",
		"conf://u:${S}@",
		"conf://u:${S}@h?token=${S}&fallback=nobody",
		"conf://u:${S}@h%zz",
		"conf://u:${S}@h:port",
		"conf://u:${S}@h#x",
		"lok://u:${S}@h",
		"u:${S}@h",
		"conf:u:${S}@h",
		"conf://h?token=${S}",
		"conf://h/bad?token=${S}",
		"conf://h/bad?token=${S}&labels=${S}",
		"conf://h/${S}",
		"conf://h/bad${S}?limit=x",
		"conf://h?limit=${S}",
		"conf://h?limit=" + long[:50] + "${S}" + long,
		"conf://h?limit=" + long[:60] + "${S}",
		"conf://h?" + long[:60] + "${S}=1",
		"conf://u:${S}@h?limit=" + long[:60] + "${S}",
		"conf://h?level=${S}",
		"conf://h?name=${S}!",
		"conf://h?${S}=1",
		"conf://h?${S}",
		"conf://h#${S}",
		"conf://${S}",
		"conf://h:${S}",
		"conf://:${S}",
		"${S}",
		"${S}://h",
		"${S}:x",
		"conf://${S",
		"conf://u:${S}x$@h?timeout=0",
	} {
		for _, secret := range []string{canary, odd} {
			if form := leaks(printed("FAPILOG_SINKS="+sinks, "S="+secret), secret); form != "" {
				t.Errorf("%s: %q is printed:\n%s", sinks, form, printed("FAPILOG_SINKS="+sinks, "S="+secret))
			}
		}
	}
	for _, sinks := range []string{ // literally
		"conf://u:SECRET@h?limit=x",
		"conf://SECRET@h?limit=x",
		"conf://u:SECRET@h/bad",
		"conf://u:SECRET@h?token=SECRET&limit=x",
		"conf://h/bad?token=SECRET",
		"conf://h?token=SECRET%zz",
		"conf://u:SECRET%zz@h",
		"conf://u:SECRET@h:port",
		"conf://u:SECRET@",
		"conf://u:SECRET/x@h",
		"conf://u:x/SECRET@h",
		"conf://u:x?SECRET@h",
		"conf://u:x?limit=SECRET@h",
		"conf://u:x#SECRET@h",
		"lok://u:SECRET@h",
		"u:SECRET@h",
		"conf://u:SECRET,y@h?limit=x",
		"conf://u:x,,SECRET@h",
	} {
		c, err := configFrom([]string{"FAPILOG_SINKS=" + strings.ReplaceAll(sinks, "SECRET", canary)}, nil)
		if err == nil {
			_, err = c.resolve()
		}
		if err == nil {
			t.Errorf("%s: no mistake", sinks)
		} else if leaks(err.Error(), canary) != "" {
			t.Errorf("%s: the secret is printed: %v", sinks, err)
		}
	}
}

// A URI ends up in the wrong variable, parameter or field.
func TestSecretsAreInNoErrorAboutAURIInTheWrongPlace(t *testing.T) {
	const uri = "http://u:" + canary + "@h"
	var variables []string
	fs := flag.NewFlagSet("", flag.ContinueOnError)
	new(Config).bind(fs)
	fs.VisitAll(func(f *flag.Flag) {
		variables = append(variables, envPrefix+strings.ToUpper(strings.ReplaceAll(f.Name, "-", "_")))
	})
	for _, alias := range aliases {
		variables = append(variables, alias)
	}
	for _, name := range variables {
		for _, value := range []string{uri, strings.ToUpper(uri[:4]) + uri[4:], " " + uri + "/" + strings.Repeat("x", 100), "http://" + strings.Repeat("u", 48) + ":" + canary + "@h"} {
			c, err := configFrom([]string{name + "=" + value}, nil)
			if err == nil {
				_, err = c.resolve()
			}
			if err == nil {
				// It may be a directory, a key or an expression.
				if name != "FAPILOG_QUARANTINE" && !strings.HasPrefix(name, "FAPILOG_REDACT_") {
					t.Errorf("%s=%s: no mistake", name, value)
				}
				continue
			}
			if leaks(err.Error(), canary[:5]) != "" {
				t.Errorf("%s: the secret, or half of it, is printed: %v", name, err)
			}
			if !strings.Contains(err.Error(), "://***:***@") {
				t.Errorf("%s: the value is not quoted, so that the test shows nothing: %v", name, err)
			}
		}
	}
	dir := t.TempDir()
	if err := os.Mkdir(dir+"/http:", 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(dir+"/http:/u:"+canary+"@h", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []Config{
		{Routes: []Route{{Sink: discard, Delivery: Delivery{Fallback: uri}}}},
		{Routes: []Route{{Sink: discard, Name: uri}, {Sink: discard, Name: uri}, {Sink: discard, Delivery: Delivery{Fallback: "x"}}}},
		{Routes: []Route{{URI: "conf://h?fallback=" + uri}}},
		{Routes: []Route{{Sink: discard, Delivery: Delivery{Quarantine: dir + "/" + uri}}}},
	} {
		if _, err := c.resolve(); err == nil || leaks(err.Error(), canary) != "" {
			t.Errorf("the secret is printed, or there is no mistake: %v", err)
		}
	}
}

func TestSecretsAreMaskedInErrorsOfOthers(t *testing.T) {
	for _, secret := range []string{canary, odd, "x", "pw"} {
		c, err := configFrom([]string{"FAPILOG_SINKS=conf://us%20er:${S}@h/p?token=${S}", "S=" + secret}, nil)
		if err != nil {
			t.Fatal(err)
		}
		r := mustResolve(t, c)[0]
		o := r.opener.(*confSink)
		third := fmt.Sprintf("%s, %q, %s, %s", o.url, o.token.Reveal(), url.QueryEscape(secret), "us er")
		got := sink.NewMasker(r.secrets...).Text(third)
		if form := leaks(third, secret); form == "" {
			t.Fatalf("the control does not hold the secret: %s", third)
		}
		if strings.Contains(got, "us er") || len(secret) > 4 && leaks(got, secret) != "" {
			t.Errorf("printed: %s", got)
		}
	}
	c, err := configFrom([]string{"FAPILOG_SINKS=conf://h?limit=${N}&name=${NAME}", "N=3", "NAME=main"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	r := mustResolve(t, c)[0]
	if got, want := sink.NewMasker(r.secrets...).Text("main: status 3 of 35, 13"), "main: status *** of 35, 13"; got != want {
		t.Errorf("%q, want %q: a short secret is masked as a word, a name is none", got, want)
	}
}

func TestScanForSecretsFindsAPlantedOne(t *testing.T) {
	for _, secret := range []string{canary, odd} {
		u := &url.URL{Scheme: "conf", User: url.UserPassword("u", secret), Host: "h"}
		for _, text := range []string{
			"x" + secret, u.String(), fmt.Sprintf("%q", secret), "?" + url.Values{"k": {secret}}.Encode(),
			fmt.Sprint(errors.Join(errors.New("a"), errors.New(secret))),
		} {
			if leaks(text, secret) == "" {
				t.Errorf("not found in %s", text)
			}
		}
	}
	// What prints the error of url.Parse, or that of the sink, as it is.
	if _, err := url.Parse(strings.ReplaceAll("conf://u:SECRET@h:port", "SECRET", canary)); leaks(err.Error(), canary) == "" {
		t.Error("url.Parse does not quote its input: the table shows nothing")
	}
	c := new(confSink)
	c.Flags(flag.NewFlagSet("", flag.ContinueOnError))
	u, _ := url.Parse("conf://h/bad?token=x")
	c.token, c.url = sink.Secret(canary), u
	if leaks(c.Validate().Error(), canary) == "" {
		t.Error("the sink's error does not hold the secret: the table shows nothing")
	}
}

func FuzzConfigurationLeaksNothing(f *testing.F) {
	for _, seed := range []string{"", "stdout,conf://u:${S}@h?token=${S}", "conf://${S}", "${S}", "file:${S},,x", "conf://h?limit=${S}&name=a&fallback=a", "${S}//${S", "conf://h/bad?labels=${S}#${S}"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, list string) {
		if leaks(list, canary) != "" {
			t.Skip("not by a variable")
		}
		for part := range strings.FieldsFuncSeq(list, func(r rune) bool { return strings.ContainsRune("?&,", r) }) {
			name, _, _ := strings.Cut(part, "=")
			switch name, _ = url.PathUnescape(name); name {
			case "name", "fallback", "quarantine": // are to be printed
				t.Skip()
			}
		}
		items, err := splitSinks(list)
		if strings.TrimSpace(list) == "" != (len(items) == 0 && err == nil) {
			t.Errorf("%q: %q, %v", list, items, err)
		}
		for _, item := range items {
			if item == "" || item != strings.TrimSpace(item) || strings.HasPrefix(item, ",") {
				t.Errorf("%q: item %q", list, item)
			}
		}
		c, err := configFrom([]string{"FAPILOG_SINKS=" + list, "S=" + canary}, nil)
		if err == nil {
			_, err = c.resolve()
		}
		if err != nil && leaks(err.Error(), canary) != "" {
			t.Errorf("%q: %v", list, err)
		}
		var e *ConfigError
		if err != nil && (!errors.As(err, &e) || len(e.Mistakes) == 0) {
			t.Errorf("%q: %T", list, err)
		}
	})
}
