package fapilog

import (
	"flag"
	"fmt"
	"strings"
	"testing"

	"github.com/fapilog/fapilog/sink"
)

func TestVariablesAreThoseThatAreRead(t *testing.T) {
	Variables().VisitAll(func(f *flag.Flag) {
		if _, alias := sink.AliasOf(f); alias {
			if _, err := configFrom([]string{f.Name + "=http://u:canarypassword@h"}, nil); err == nil || !strings.Contains(err.Error(), f.Name) {
				if target, _ := sink.AliasOf(f); target != "FAPILOG_FALLBACK" { // any text may be a name
					t.Errorf("%s: %v", f.Name, err)
				}
			}
			return
		}
		_, err := configFrom([]string{f.Name + "X=1"}, nil)
		if want := fmt.Sprintf("did you mean %s?", f.Name); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%sX: %v, want %s", f.Name, err, want)
		}
	})
}

// A reference that shows a default, and a program that is told to use it, mean
// the same.
func TestVariablesHaveTheDefaultsThatCount(t *testing.T) {
	var environ []string
	Variables().VisitAll(func(f *flag.Flag) {
		if _, alias := sink.AliasOf(f); !alias && f.DefValue != "" {
			environ = append(environ, f.Name+"="+f.DefValue)
		}
	})
	for _, s := range mustPlan(t, envConfig(t, environ...)).Settings {
		if s.Changed() {
			t.Errorf("%+v", s)
		}
	}
}

func TestSettingAReferenceHasNoEffect(t *testing.T) {
	for _, fs := range []*flag.FlagSet{Parameters(), Variables()} {
		fs.VisitAll(func(f *flag.Flag) { _ = f.Value.Set("77") })
	}
	if p := mustPlan(t, uris("conf://h")); len(changed(p.Settings))+len(changed(p.Sinks[0].Settings)) > 0 {
		t.Errorf("%+v", p)
	}
}
