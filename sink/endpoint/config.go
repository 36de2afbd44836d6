// Package endpoint has what every sink over HTTP can be told about its server: where it is,
// who one is there, TLS, compression, connections. The Config of such a sink embeds [Config].
package endpoint

import (
	"context"
	"flag"
	"net"
	"net/url"
	"time"

	"github.com/fapilog/fapilog/sink"
)

// Defaults of [Config].
const (
	DefaultGzipLevel   = 6
	DefaultGzipMin     = 1 << 10
	DefaultMaxConnAge  = 60 * time.Second
	DefaultMaxResponse = 64 << 10
)

// Config is where a server is and how it is spoken to. URL is required. In the numbers 0 is the default and a negative one
// means none, which a URI writes as 0.
//
// At most one of user info, BasicFile, BearerToken, BearerFile and an
// Authorization among the Headers may be given. Files of credentials are read at
// the first request, and again when they have changed or were refused.
type Config struct {
	URL      *url.URL // scheme http or https, host, path; without user info, query and fragment; see SetURL
	User     string
	Password sink.Secret
	Query    string // parameters of the endpoint itself, as they stand behind its ?; a secret

	// Headers are sent with every request: "NAME: VALUE, NAME: VALUE". \, is a comma
	// in a value and \\ a backslash, see [Config.AddHeader].
	Headers     sink.Secret
	BasicFile   string // holds user:password
	BearerFile  string // holds a token
	BearerToken sink.Secret
	AuthScheme  string // of BearerToken and BearerFile; empty: Bearer

	Gzip      bool       // compress requests
	GzipLevel int        // 1 (fast) to 9 (small)
	GzipMin   sink.Bytes // shorter bodies are sent as they are; negative: none is

	// The files of TLS are PEM, and read again when they have changed. As long as
	// they cannot be read, what they last held counts.
	CAFile     string // authorities to trust in place of the system's
	CertFile   string // the client's certificate, with those between it and the authority
	KeyFile    string // its key; empty: in CertFile
	ServerName string // expected in the server's certificate in place of URL's host, and sent to it
	Insecure   bool   // anybody may be the server

	// MaxConnAge is how long a connection is used for new requests, so that a name
	// that has moved to another address is followed.
	MaxConnAge sink.Duration
	// Redirects follows 307 and 308, with the same body, up to 5 times: on the same
	// host and port, or from http to https on their default ports. Others are
	// answers like any.
	Redirects   bool
	MaxResponse sink.Bytes // bytes of an answer's body that are read; never unlimited

	// Dial makes connections in place of a [net.Dialer]; then the environment's
	// proxy is not used. Connections must have working deadlines.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// Flags binds the settings, for [sink.Opener].
func (c *Config) Flags(fs *flag.FlagSet) {
	c.GzipLevel = orDefault(c.GzipLevel, DefaultGzipLevel)
	c.GzipMin = orDefault(c.GzipMin, DefaultGzipMin)
	c.MaxConnAge = orDefault(c.MaxConnAge, sink.Duration(DefaultMaxConnAge))

	fs.Var((*sink.Secret)(&c.Query), "query", "parameters of the endpoint itself, percent-encoded once more: `a%3D1%26b%3D2`")
	fs.Var(&c.Headers, "header", `headers to send: NAME:VALUE,NAME:VALUE; \, is a comma in a value`)
	fs.StringVar(&c.BasicFile, "basic-file", c.BasicFile, "`file` with user:password; read again when it changes")
	fs.Var(&c.BearerToken, "bearer", "token for the Authorization header")
	fs.StringVar(&c.BearerFile, "bearer-file", c.BearerFile, "`file` with such a token; read again when it changes")

	fs.BoolVar(&c.Gzip, "gzip", c.Gzip, "compress requests")
	fs.IntVar(&c.GzipLevel, "gzip-level", c.GzipLevel, "1 (fast) to 9 (small)")
	fs.Var(orNone[sink.Bytes]{&c.GzipMin}, "gzip-min", "shorter requests are not compressed")

	fs.StringVar(&c.CAFile, "ca-file", c.CAFile, "PEM `file` of the authorities to trust, in place of the system's")
	fs.StringVar(&c.CertFile, "cert-file", c.CertFile, "PEM `file` of the client's certificate")
	fs.StringVar(&c.KeyFile, "key-file", c.KeyFile, "PEM `file` of its key; none: it is in cert-file")
	fs.StringVar(&c.ServerName, "server-name", c.ServerName, "host `name` in the server's certificate, where it is not that of the URI")
	fs.BoolVar(&c.Insecure, "insecure", c.Insecure, "do not check who the server is")

	fs.Var(orNone[sink.Duration]{&c.MaxConnAge}, "max-conn-age", "longest use of a connection, after which the name is looked up again; 0: no limit")
	fs.BoolVar(&c.Redirects, "redirects", c.Redirects, "follow redirects (307, 308) on the same host")
}

// WithDefaults returns c with the default of every number that is 0.
func (c Config) WithDefaults() Config {
	c.GzipLevel = orDefault(c.GzipLevel, DefaultGzipLevel)
	c.GzipMin = orDefault(c.GzipMin, DefaultGzipMin)
	c.MaxConnAge = orDefault(c.MaxConnAge, sink.Duration(DefaultMaxConnAge))
	c.MaxResponse = orDefault(c.MaxResponse, DefaultMaxResponse)
	return c
}

func orDefault[T ~int | ~int64](v, otherwise T) T {
	if v == 0 {
		return otherwise
	}
	return v
}

// orNone is a flag for a setting where a written 0 means none, kept as -1.
type orNone[T sink.Bytes | sink.Duration] struct{ p *T }

// Set implements [flag.Value].
func (o orNone[T]) Set(s string) error {
	if err := any(o.p).(flag.Value).Set(s); err != nil {
		return err
	}
	if *o.p == 0 {
		*o.p = -1
	}
	return nil
}

// String implements [flag.Value]. Package flag calls it on the zero orNone too.
func (o orNone[T]) String() string {
	if o.p == nil {
		return ""
	}
	return any(o.Get()).(interface{ String() string }).String()
}

// Get implements [flag.Getter].
func (o orNone[T]) Get() any { return max(*o.p, 0) }
