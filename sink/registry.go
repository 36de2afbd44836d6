package sink

import (
	"context"
	"flag"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"sync"
)

// Opener is the settings of a sink before it is opened: usually its package's
// *Config.
type Opener interface {
	// Flags binds every setting, with its present value as the default. The
	// flags' names are the parameters of the URI. A sink does not use the names
	// of the parameters that every sink has, such as level and timeout.
	Flags(fs *flag.FlagSet)

	// SetURL takes what stands before the query: host, path, user info. It opens,
	// creates and dials nothing. It is called before the parameters are set.
	SetURL(u *url.URL) error

	// Open returns the sink. A destination that does not answer yet is not an
	// error: that is for Write to find out.
	Open(ctx context.Context) (Sink, error)
}

// Defaulter is implemented by an Opener, or by a Sink that is used without one,
// that prefers other defaults for how records travel to it. The keys are names
// of parameters, the values as they stand in a URI: {"linger": "5ms"}. What the
// user says goes before them.
type Defaulter interface {
	Defaults() map[string]string
}

// Validator is implemented by an Opener that can tell before Open what is wrong
// with its settings taken together, or with the place they name. Validate opens,
// creates and dials nothing; it reports all it finds, with errors.Join.
type Validator interface {
	Validate() error
}

var registry = struct {
	sync.RWMutex
	openers map[string]func() Opener
}{openers: map[string]func() Opener{}}

// Register makes a kind of sink available under a URI scheme, usually from an
// init function. Each use of the scheme calls newOpener for settings of its own.
// Register panics if scheme is not a lower-case one by RFC 3986, section 3.1
// (a letter, then letters, digits and + - .), if it is taken, or if newOpener is
// nil.
func Register(scheme string, newOpener func() Opener) {
	if !validScheme(scheme) {
		panic(fmt.Sprintf("sink: Register: %q is not a lower-case URI scheme", scheme))
	}
	if newOpener == nil {
		panic(fmt.Sprintf("sink: Register: no constructor for scheme %q", scheme))
	}
	registry.Lock()
	defer registry.Unlock()
	if _, taken := registry.openers[scheme]; taken {
		panic(fmt.Sprintf("sink: Register: scheme %q is registered twice", scheme))
	}
	registry.openers[scheme] = newOpener
}

// Schemes returns the registered schemes, sorted.
func Schemes() []string {
	registry.RLock()
	defer registry.RUnlock()
	return slices.Sorted(maps.Keys(registry.openers))
}

// NewOpener returns new settings for a registered scheme.
func NewOpener(scheme string) (Opener, bool) {
	registry.RLock()
	newOpener, ok := registry.openers[scheme]
	registry.RUnlock()
	if !ok {
		return nil, false
	}
	return newOpener(), true
}

// validScheme reports whether s is a scheme by RFC 3986, section 3.1, in lower
// case.
func validScheme(s string) bool {
	for i := range len(s) {
		c := s[i]
		switch {
		case 'a' <= c && c <= 'z':
		case i > 0 && ('0' <= c && c <= '9' || c == '+' || c == '-' || c == '.'):
		default:
			return false
		}
	}
	return s != ""
}

// builtin maps the schemes of this project's own sinks to the packages that
// register them.
var builtin = map[string]string{
	"cloudwatch":          "github.com/fapilog/fapilog/sink/cloudwatch",
	"elasticsearch":       "github.com/fapilog/fapilog/sink/elasticsearch",
	"elasticsearch+https": "github.com/fapilog/fapilog/sink/elasticsearch",
	"file":                "github.com/fapilog/fapilog/sink/file",
	"http":                "github.com/fapilog/fapilog/sink/http",
	"https":               "github.com/fapilog/fapilog/sink/http",
	"loki":                "github.com/fapilog/fapilog/sink/loki",
	"loki+https":          "github.com/fapilog/fapilog/sink/loki",
	"opensearch":          "github.com/fapilog/fapilog/sink/elasticsearch",
	"opensearch+https":    "github.com/fapilog/fapilog/sink/elasticsearch",
	"otlp":                "github.com/fapilog/fapilog/sink/otlp",
	"otlp+https":          "github.com/fapilog/fapilog/sink/otlp",
	"stderr":              "github.com/fapilog/fapilog/sink/console",
	"stdout":              "github.com/fapilog/fapilog/sink/console",
	"syslog":              "github.com/fapilog/fapilog/sink/syslog",
}

// ownModule has the schemes of builtin whose packages are modules of their own,
// with the clients of a service. The command fapilog has them only if it is
// built from fullCommand.
var ownModule = map[string]bool{"cloudwatch": true}

// fullCommand is the package of the command that has every sink.
const fullCommand = "github.com/fapilog/fapilog/full/fapilog"

// notLinked says how a program comes to the package of a scheme of builtin.
func notLinked(scheme, pkg string) error {
	if ownModule[scheme] {
		return fmt.Errorf("scheme %q is not linked into this program: import _ %q, or use the command built from %s", scheme, pkg, fullCommand)
	}
	return fmt.Errorf("scheme %q is not linked into this program: import _ %q", scheme, pkg)
}
