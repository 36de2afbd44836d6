package fapilog

import (
	"slices"
	"strings"
	"testing"
)

func TestCommaSeparatesOnlyBeforeAnotherSink(t *testing.T) {
	for _, test := range []struct {
		list string
		want []string
	}{
		{"", nil},
		{" \t", nil},
		{"stdout", []string{"stdout"}},
		{"stdout,stderr", []string{"stdout", "stderr"}},
		{" stdout , stderr ", []string{"stdout", "stderr"}},
		{"stdout,", []string{"stdout"}},
		{",stdout", []string{"stdout"}},
		{"stdout,,,stderr", []string{"stdout", "stderr"}},
		{"conf://l:3100?labels=app=a,env=p,stdout", []string{"conf://l:3100?labels=app=a,env=p", "stdout"}},
		{"conf://l?labels=a,stdoutput", []string{"conf://l?labels=a,stdoutput"}},
		{"conf://l?labels=a,stdout x", []string{"conf://l?labels=a,stdout x"}},
		{"conf://l?labels=a,stdout ,stderr", []string{"conf://l?labels=a", "stdout", "stderr"}},
		{"conf://l?labels=a%2Cstdout", []string{"conf://l?labels=a%2Cstdout"}},
		{"conf://l?labels=a,file:x", []string{"conf://l?labels=a", "file:x"}},
		{"conf://l?labels=a,filter:x", []string{"conf://l?labels=a,filter:x"}},
		{"conf://l?labels=a,stderr?level=warn", []string{"conf://l?labels=a", "stderr?level=warn"}},
		{"stdout://,fil://x", []string{"stdout://", "fil://x"}},
		{"STDOUT://, Conf://h,STDERR", []string{"STDOUT://", "Conf://h", "STDERR"}},
		{"conf://u:p,w@h", []string{"conf://u:p,w@h"}},
		{"conf://a,,b", []string{"conf://a", "b"}},
		{"conf://h?labels=${A},b", []string{"conf://h?labels=${A},b"}},
		{"stdout,\u00a0stderr", []string{"stdout", "stderr"}},
	} {
		got, err := splitSinks(test.list)
		if err != nil || !slices.Equal(got, test.want) {
			t.Errorf("%q: %q, %v; want %q", test.list, got, err, test.want)
		}
	}
}

func TestListOfOnlyEmptyItemsIsAnError(t *testing.T) {
	for _, list := range []string{",", " , ", ",,\n,"} {
		if got, err := splitSinks(list); err == nil {
			t.Errorf("%q: %q, want an error", list, got)
		}
	}
}

func TestMisspeltNameAfterACommaIsAMistakeOfItsOwn(t *testing.T) {
	for _, list := range []string{"file:a.log,stdot", "file:a.log, stder ,stdout", "conf://h?labels=a,stdeer", "file:a.log,fil:b.log"} {
		items, err := splitSinks(list)
		if err != nil || len(items) != strings.Count(list, ",")+1 {
			t.Errorf("%q: %q, %v; want every name to be an item", list, items, err)
			continue
		}
		cfg, err := configFrom([]string{"FAPILOG_SINKS=" + list}, nil)
		if err == nil {
			_, err = cfg.resolve()
		}
		if err == nil || !strings.Contains(err.Error(), "sink 2") || !strings.Contains(err.Error(), "did you mean") {
			t.Errorf("%q: %v; want a mistake in sink 2 that names the sink", list, err)
		}
	}
}

func TestMistakeInWhatMayBelongToAListBeforeItSaysHow(t *testing.T) {
	const hint = "if it belongs to a list in sink 1, write the comma before it as %2C"
	for list, want := range map[string]bool{
		"conf://l?labels=level,file":        true,
		"conf://l?labels=level , file ":     true,
		"conf://l?labels=level,file:":       false,
		"conf://l,file":                     false,
		"conf://l?labels=a,file:a.log,file": false, // the URI before has no list
	} {
		_, err := configFrom([]string{"FAPILOG_SINKS=" + list}, nil)
		if err == nil || strings.Contains(err.Error(), hint) != want {
			t.Errorf("%q: %v", list, err)
		}
	}
}

func TestVariableStaysInsideItsPartOfTheURI(t *testing.T) {
	const odd = "a/b?c#d@e:f%g,h i&j=k\"é+"
	values := map[string]string{"ODD": odd, "HOST": "loki:3100", "FILE": "/var/log/a b?.log", "URL": "conf://u:p@h/x?limit=1", "EMPTY": ""}
	for _, test := range []struct{ item, want string }{
		{"conf://u:${ODD}@h", "conf://u:a%2Fb%3Fc%23d%40e%3Af%25g%2Ch%20i%26j%3Dk%22%C3%A9%2B@h"},
		{"conf://h/${ODD}", "conf://h/a/b%3Fc%23d%40e%3Af%25g%2Ch%20i%26j%3Dk%22%C3%A9%2B"},
		{"conf://h?token=x${ODD}&limit=1", "conf://h?token=xa%2Fb%3Fc%23d%40e%3Af%25g%2Ch%20i%26j%3Dk%22%C3%A9%2B&limit=1"},
		{"conf://${HOST}/p", "conf://loki:3100/p"},
		{"conf://u@${HOST}", "conf://u@loki:3100"},
		{"file://${FILE}", "file:///var/log/a%20b%3F.log"},
		{"file:${FILE}", "file:/var/log/a%20b%3F.log"},
		{"${URL}", "conf://u:p@h/x?limit=1"},
		{"${URL}&labels=${ODD}", "conf://u:p@h/x?limit=1&labels=" + odd}, // it is not known where the first one ends
		{"conf://h${EMPTY}?limit=${EMPTY}1", "conf://h?limit=1"},
		{"conf://h?labels=$HOST,$$,$", "conf://h?labels=$HOST,$$,$"},
	} {
		got, _, mistakes := expand(test.item, func(name string) (string, bool) {
			v, ok := values[name]
			return v, ok
		})
		if len(mistakes) > 0 || got != test.want {
			t.Errorf("%s: %s, %v; want %s", test.item, got, mistakes, test.want)
		}
	}
}

func TestPasswordFromAVariableMayHoldAnything(t *testing.T) {
	var all strings.Builder
	for i := range 256 {
		all.WriteByte(byte(i))
	}
	c := envConfig(t, "FAPILOG_SINKS=stdout,conf://user:${PW}@h/${PW}?token=${PW}&labels=x,stderr", "PW=stdout,"+all.String())
	routes := mustResolve(t, c)
	if len(routes) != 3 {
		t.Fatalf("%d sinks, want 3", len(routes))
	}
	o := routes[1].opener.(*confSink)
	want := "stdout," + all.String()
	if got, _ := o.url.User.Password(); got != want || o.url.Path != "/"+want || o.token.Reveal() != want || o.url.Host != "h" {
		t.Errorf("password %q, path %q, token %q", got, o.url.Path, o.token.Reveal())
	}
}

func TestConfigRemembersOnlyTheVariablesItsSinksName(t *testing.T) {
	c := envConfig(t, "FAPILOG_SINKS=conf://${A}", "A=h", "B=other")
	c.Routes[0].URI = "conf://${B}"
	if _, err := c.resolve(); err == nil || !strings.Contains(err.Error(), "${B} is not set") {
		t.Errorf("error %v", err)
	}
}

func TestSeveralURIsInOneAreAMistake(t *testing.T) {
	for _, uri := range []string{"file:/var/log/a,file:/var/log/b", "stdout,stderr", "conf://l?labels=a,stdout,file:x", "conf://l?labels=a,stderr?level=warn"} {
		if _, err := configFrom(nil, []string{"stdout", uri}); err == nil || !strings.Contains(err.Error(), "sink 2: several URIs in one; give them one by one") {
			t.Errorf("%s: %v", uri, err)
		}
	}
	for _, uri := range []string{"file:/var/log/a,b", "file:/var/log/a%2Cfile:b", "conf://l?labels=a,stdout", "conf://l?labels=a,stdout,file&limit=1"} {
		if _, err := configFrom(nil, []string{uri}); err != nil {
			t.Errorf("%s: %v", uri, err)
		}
	}
}
