package sink

import (
	"slices"
	"strings"
	"testing"
)

func TestSchemesAreSorted(t *testing.T) {
	got := Schemes()
	if !slices.IsSorted(got) || !slices.Contains(got, "loki") || !slices.Contains(got, "bare") {
		t.Errorf("schemes are %q", got)
	}
}

func TestEachOpenerIsANewOne(t *testing.T) {
	first, _ := NewOpener("loki")
	second, ok := NewOpener("loki")
	if !ok || first == second {
		t.Error("two uses of a scheme share their settings")
	}
	if _, ok := NewOpener("nobody"); ok {
		t.Error("there is an opener for a scheme nobody registered")
	}
}

func TestRegisterPanicsOnAMistake(t *testing.T) {
	newOpener := func() Opener { return bareOpener{} }
	for _, test := range []struct {
		name, scheme string
		newOpener    func() Opener
	}{
		{"empty", "", newOpener},
		{"duplicate", "loki", newOpener},
		{"upper case", "Loki", newOpener},
		{"a digit first", "1loki", newOpener},
		{"a plus first", "+loki", newOpener},
		{"an underscore", "lo_ki", newOpener},
		{"a colon", "loki:", newOpener},
		{"not ASCII", "lökí", newOpener},
		{"no constructor", "fresh", nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			before := Schemes()
			defer func() {
				if recover() == nil {
					t.Errorf("Register(%q) did not panic", test.scheme)
				}
				if !slices.Equal(before, Schemes()) {
					t.Errorf("schemes are %q, were %q", Schemes(), before)
				}
			}()
			Register(test.scheme, test.newOpener)
		})
	}
	if !validScheme("loki+https") || !validScheme("a1.b-c") {
		t.Error("a valid scheme is refused")
	}
}

func TestBuiltinSchemesCanBeRegistered(t *testing.T) {
	for scheme, pkg := range builtin {
		if !validScheme(scheme) || !strings.HasPrefix(pkg, "github.com/fapilog/fapilog/sink/") {
			t.Errorf("%s: %s", scheme, pkg)
		}
	}
	for scheme := range ownModule {
		if builtin[scheme] == "" {
			t.Errorf("%s has no package", scheme)
		}
	}
}
