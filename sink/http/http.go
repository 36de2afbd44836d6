// Package http is the sink that sends records to any server over HTTP. It
// registers the schemes http and https: https://logs.example/in?bearer-file=token.
//
// # What is sent
//
// A batch is one request, POST or with method=PUT a PUT. Its body has the records
// as they are, but for bytes that are not UTF-8, which become U+FFFD; in order, as
// body says:
//
//	ndjson   one JSON object a line, application/x-ndjson; the default
//	array    one JSON array, application/json
//	wrapped  one JSON object with that array under key, application/json
//
// Each request has an Idempotency-Key, which is the same in every attempt for the
// same records: a server that keeps the keys of some minutes can tell that it has
// a batch already whose answer was lost. The same records in smaller batches have
// other keys. There is no id in the records themselves.
//
// What stands behind the path's ? is for the sink; parameters of the server's go
// into query, percent-encoded: query=source%3Dapp.
//
// # Signatures
//
// With hmac-secret or hmac-secret-file each request is signed, as by the webhook
// sink of fapilog for Python: X-Fapilog-Timestamp has the seconds since 1970, and
// X-Fapilog-Signature-256 has sha256= and the HMAC-SHA256 in hexadecimal of
// the timestamp, a dot and the body. The body is that of the message: if it is
// compressed, the compressed bytes. A receiver computes it before it decompresses
// or parses, compares in constant time, and refuses old timestamps.
//
// # What answers mean
//
// Any 2xx whose end came is a delivery; with success only the statuses in it are.
// A status of success says nothing about who has answered: a proxy's page with
// status 200 counts. If there may be one on the way, use https.
//
// All others mean what they mean for every sink over HTTP: 429 and 5xx are tried
// again, after Retry-After if the server says so; 413 is tried in halves; statuses
// about the account, the address or the credentials, such as 401, 402, 403, 404 and
// 407, and redirects park the sink until somebody changes something; most other 4xx,
// such as 400 and 422, are held against a record, which is searched for and
// quarantined. 409 is how servers that know Idempotency-Key say that an earlier
// attempt is still under way: it is tried again.
//
// # Proxies
//
// HTTPS_PROXY, HTTP_PROXY and NO_PROXY count as in other programs. ca-file, cert-file,
// server-name and insecure are about the server alone: a proxy whose own address is
// https:// has to be one that the system trusts (SSL_CERT_FILE).
//
// # When it does not work
//
//   - "no answer from HOST: … connection refused" or "no such host": the address
//     is wrong or the server is down. The records wait.
//   - "no answer from HOST: context deadline exceeded": the server or something on
//     the way takes longer than timeout (10 s). If it is the size, lower
//     batch-bytes, or set gzip=true if the server can decompress.
//   - "unknown authority", "certificate is valid for …": give ca-file or
//     server-name.
//   - parked with 401 or 403: correct the credentials. A file of credentials is read
//     again by itself, within a minute.
//   - parked with 404 or 3xx: correct the path; redirects=true follows 307 and 308.
//   - everything is quarantined with 400, 415 or 422: the server wants another
//     body; look at the reason in the quarantine, and try body=array or gzip=false.
//   - 409 again and again: the server means that it has the records. Give the
//     statuses of success and 409: success=200,409.
//   - the same records arrive again and again: the server answers with a status of
//     success and more than 64 KiB, or breaks its answers off. Raise max-response.
//   - the signature is wrong: the receiver does not use the bytes it has received,
//     but what a framework made of them.
package http

import (
	"cmp"
	"context"
	"flag"
	"net/url"

	"github.com/fapilog/fapilog/sink"
	"github.com/fapilog/fapilog/sink/endpoint"
)

func init() {
	for _, scheme := range []string{"http", "https"} {
		sink.Register(scheme, func() sink.Opener { return &Config{} })
	}
}

// The bodies.
const (
	NDJSON  = "ndjson"  // a line for each record
	Array   = "array"   // a JSON array of the records
	Wrapped = "wrapped" // a JSON object that has this array under Config.Key
)

// Endpoint is where the server is and how it is spoken to, which is the same for
// all sinks over HTTP. Its URL is required.
type Endpoint = endpoint.Config

// Config describes a server. Endpoint.URL is required; the zero values of all
// else are the defaults.
type Config struct {
	Endpoint

	Body    string   // one of the constants; empty: NDJSON
	Key     string   // of the array in a Wrapped body; empty: records
	Method  string   // POST or PUT; empty: POST
	Success Statuses // of a delivery; nil: any 2xx
	Ping    string   // path, from the root, of a GET that shows that the server is well; empty: there is none

	HMACSecret      sink.Secret // signs requests; empty: they are not signed
	HMACSecretFile  string      // holds it; read again when it changes
	SignatureHeader string      // empty: X-Fapilog-Signature-256
	TimestampHeader string      // empty: X-Fapilog-Timestamp
}

// Defaults of Config.
const (
	defaultKey       = "records"
	defaultSignature = "X-Fapilog-Signature-256"
	defaultTimestamp = "X-Fapilog-Timestamp"
)

// setDefaults fills in what is not set.
func (c *Config) setDefaults() {
	c.Body = cmp.Or(c.Body, NDJSON)
	c.Key = cmp.Or(c.Key, defaultKey)
	c.Method = cmp.Or(c.Method, "POST")
	c.SignatureHeader = cmp.Or(c.SignatureHeader, defaultSignature)
	c.TimestampHeader = cmp.Or(c.TimestampHeader, defaultTimestamp)
	c.MaxResponse = cmp.Or(c.MaxResponse, endpoint.DefaultMaxResponse)
}

// Flags implements [sink.Opener].
func (c *Config) Flags(fs *flag.FlagSet) {
	c.setDefaults()
	c.Endpoint.Flags(fs)
	fs.Var(sink.Enum(&c.Body, NDJSON, Array, Wrapped), "body", "form of the body: `ndjson|array|wrapped`")
	fs.StringVar(&c.Key, "key", c.Key, "`name` of the array in a wrapped body")
	fs.Var(sink.Enum(&c.Method, "POST", "PUT"), "method", "`POST|PUT`")
	fs.Var(&c.Success, "success", "`statuses` of a delivery: 200,202; 2xx: any of them")
	fs.StringVar(&c.Ping, "ping", c.Ping, "`path`, from the root, of a GET that shows that the server is well; none: it is not asked")
	fs.Var(&c.HMACSecret, "hmac-secret", "signs requests with HMAC-SHA256")
	fs.StringVar(&c.HMACSecretFile, "hmac-secret-file", c.HMACSecretFile, "`file` with that secret; read again when it changes")
	fs.StringVar(&c.SignatureHeader, "signature-header", c.SignatureHeader, "`header` of the signature")
	fs.StringVar(&c.TimestampHeader, "timestamp-header", c.TimestampHeader, "`header` of the time that is signed")
	fs.Var(&c.MaxResponse, "max-response", "longest answer that counts")
}

// SetURL implements [sink.Opener]. The path is / if there is none.
func (c *Config) SetURL(u *url.URL) error {
	return c.Endpoint.SetURL(u, u.Scheme == "https", 0, "/")
}

// Open implements [sink.Opener]. It is New.
func (c *Config) Open(context.Context) (sink.Sink, error) { return New(*c) }
