package sink

import (
	"flag"
	"fmt"
	"slices"
	"strings"
)

const aliasUsage = "alias of "

// Alias gives the flag name of fs a second name. Both have the same Value. A URI
// that uses both is an error. It panics if fs has no such flag, or the alias
// already.
func Alias(fs *flag.FlagSet, alias, name string) {
	f := fs.Lookup(name)
	if f == nil {
		panic(fmt.Sprintf("sink: Alias: %q is to be another name of %q, which is not defined", alias, name))
	}
	if target, ok := AliasOf(f); ok {
		name = target
	}
	fs.Var(f.Value, alias, aliasUsage+name)
}

// AliasOf returns the name of the flag of which f is an alias.
func AliasOf(f *flag.Flag) (name string, ok bool) {
	return strings.CutPrefix(f.Usage, aliasUsage)
}

// Enum returns a flag for a setting that has one of the allowed values. They are
// matched in any case and stored as they stand in allowed. An empty *p becomes
// the first.
func Enum(p *string, allowed ...string) flag.Value {
	if *p == "" {
		*p = allowed[0]
	}
	return enum{p, allowed}
}

type enum struct {
	p       *string
	allowed []string
}

// Set implements [flag.Value].
func (e enum) Set(s string) error {
	i := slices.IndexFunc(e.allowed, func(a string) bool { return strings.EqualFold(a, strings.TrimSpace(s)) })
	if i < 0 {
		return fmt.Errorf("want %s%s", orList(e.allowed), didYouMean(s, e.allowed))
	}
	*e.p = e.allowed[i]
	return nil
}

// String implements [flag.Value]. Package flag calls it on the zero enum too.
func (e enum) String() string {
	if e.p == nil {
		return ""
	}
	return *e.p
}

// Get implements [flag.Getter].
func (e enum) Get() any { return e.String() }
