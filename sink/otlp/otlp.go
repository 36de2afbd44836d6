// Package otlp is the sink that sends records to an OpenTelemetry collector, or any
// other server that takes logs by OTLP/HTTP as JSON
// (https://opentelemetry.io/docs/specs/otlp/). It registers the schemes otlp and
// otlp+https:
//
//	otlp://collector:4318?resource=service.name=api,deployment.environment.name=prod
//	otlp+https://otlp.example.com/otlp/v1/logs?header=api-key:${KEY}
//
// The port is 4318 if there is none, with otlp+https 443. The path is the whole one, and
// /v1/logs if there is none. Servers that take OTLP only over gRPC (port 4317) or only
// as binary protobuf are not for this sink.
//
// # What is sent
//
// Each batch is one request with one resource and one scope, named
// github.com/fapilog/fapilog. Of a record it has:
//
//	timeUnixNano          the record's own time. Without one, or with one that is not in
//	                      1970–2554, the field is left out.
//	observedTimeUnixNano  the same, or else the time at which the request is made
//	severityNumber        the record's level plus 9, from 1 to 24: debug is 5, info 9, warn 13,
//	                      error 17, as OpenTelemetry has them
//	severityText          the level as it is written in the record
//	body                  msg, or else message or another usual name, if it is text
//	traceId, spanId       trace_id (32 hexadecimal digits) and span_id (16)
//	flags                 trace_flags: two hexadecimal digits, or a number up to 255
//	attributes            all other members, and log.record.uid
//
// log.record.uid is the record's id (https://opentelemetry.io/docs/specs/semconv/general/logs/),
// the same in every attempt: by it a server can tell that it has a record already. A
// member of that name is left as it is, and goes before it.
//
// A member that is none of these, such as a trace_id of another form, a span_id without a
// trace_id, or a time that is not the record's, is an attribute. Values keep the types that they have
// in JSON:
//
//	"text"       stringValue
//	true         boolValue
//	17           intValue; beyond 64 bits: stringValue
//	1.5          doubleValue; beyond the range of one: stringValue
//	[1,"a"]      arrayValue
//	{"a":1}      kvlistValue, which is what a group becomes
//	null         a value that is not set
//
// JSON has one kind of number: 3.0, which log/slog writes as 3, is an integer. Of several
// members of one name in an object the last counts, as OTLP forbids duplicates; a member
// without a name is called _. What is nested deeper than 24 levels is sent as its JSON text. Bytes
// that are not UTF-8 become U+FFFD.
//
// # The resource, and the OTEL_ variables
//
// resource has attributes of the resource, all strings. In keys and values a comma, an equals sign or a
// percent sign is percent-encoded, and in a URI once more: resource=a=1%252C2. service.name
// is unknown_service:<program> if nothing else says what it is.
//
// A sink that is opened by its URI also reads variables that OpenTelemetry
// defines, for what its URI does not say. An empty one is as good as none, and a
// malformed one is an error. env=false has none of them read; [New] never reads any, see
// [Config.FromEnv].
//
//	OTEL_RESOURCE_ATTRIBUTES            attributes of the resource; the URI's resource goes
//	                                    before them, one by one
//	OTEL_SERVICE_NAME                   service.name; goes before OTEL_RESOURCE_ATTRIBUTES
//	OTEL_EXPORTER_OTLP_HEADERS          headers; the URI's go before them, one by one, and
//	                                    any credentials of the URI before Authorization
//	OTEL_EXPORTER_OTLP_CERTIFICATE      ca-file
//	OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE, OTEL_EXPORTER_OTLP_CLIENT_KEY
//	                                    cert-file and key-file, if neither is given
//
// The last four may have LOGS_ behind OTLP_ (OTEL_EXPORTER_OTLP_LOGS_HEADERS); that one then
// goes before the one without. They belong to the server that
// OTEL_EXPORTER_OTLP_LOGS_ENDPOINT, or else OTEL_EXPORTER_OTLP_ENDPOINT, names: if its host
// or port is another than the URI's, they are not read, so that no credentials go to the wrong
// one; nor if it has https and the URI has not, so that none go unencrypted. An endpoint
// without a port has 80, with https 443, and one with 4317, the port for gRPC, is the server
// of 4318 too. One that is not a URL with http or https and a host is an error if any of the
// four counts. Files are for otlp+https
// only. The endpoint itself, the protocol, compression and
// timeout are never taken from variables: the URI, gzip= and timeout= say what they are.
//
// # Answers
//
// 200 is success if the answer is the JSON that OTLP prescribes, and 204, which some servers
// send, is success without. Anything else with a status of success (a page of HTML, an
// empty or broken body) was not said by an OTLP server, or not to its end: the batch is sent again.
//
// An answer may refuse a number of records (partialSuccess) and does not say which. OTLP
// forbids to send such a batch again. That number of records is counted as rejected, or
// quarantined, with the server's message: the last ones of the batch stand for them. With
// batch-records=1 they are the very ones. A warning without a refusal is ignored.
//
// 400 is held against a record, which is searched for in halves of the batch and quarantined. 413,
// and a 400 that says "request body too large", as the OpenTelemetry Collector does, sends smaller batches. 429 is waited out and leaves the circuit closed. 502, 503, 504
// and all other 5xx, 408 and 425 are failures and tried again: the newer versions of OTLP
// allow that for the first three only, but a 500 says nothing about a record, and
// giving up would lose it. 401, 403, 404, redirects, 405 and 415 park the sink until the
// configuration or the server changes; the last two mean that the server wants another
// request than any that this sink makes. Other 4xx are like 400, but for those that say nothing
// about a record, such as 402 and 423: [Table] has them all.
//
// # Troubleshooting
//
// "malformed HTTP response": this is the port for gRPC, 4317. Use 4318.
//
// "401 Unauthorized" although OTEL_EXPORTER_OTLP_HEADERS has the credentials: the endpoint that
// the variables name is not the URI's: another host or port, or https. Give the URI header=, or
// set OTEL_EXPORTER_OTLP_LOGS_ENDPOINT to the URI's server.
//
// "404 Not Found": the path is wrong. Some servers have another one than /v1/logs, such as
// /otlp/v1/logs; the URI is to have all of it.
//
// "415 Unsupported Media Type": the server does not take JSON, or not gzip (then set gzip=false).
//
// "200 … instead of application/json": something in between has answered, or the server
// does not keep to OTLP. It is tried again and again, so records may be there more than once.
//
// "500 Internal Server Error" for hours: the collector accepts requests and something behind it
// refuses them for good. Its log says what. Until it is mended the sink waits; retry-for
// bounds that.
//
// "400 … request body too large": the collector's max_request_body_size (20 MiB) is smaller than
// a batch, which is about three times its size in OTLP. Smaller ones are tried; a record that is too
// large alone is quarantined. Lower batch-bytes, or raise the collector's limit.
//
// service.name is unknown_service:…: set resource=service.name=… or OTEL_SERVICE_NAME.
//
// No trace_id is found by a trace's logs: the record's member has another name (see
// trace-field, span-field, flags-field), stands in a group, or is not in hexadecimal digits.
package otlp

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"net/url"
	"os"
	"time"

	"github.com/fapilog/fapilog/sink"
	"github.com/fapilog/fapilog/sink/endpoint"
	"github.com/fapilog/fapilog/sink/internal/httppost"
)

// secureScheme is the one for https.
const secureScheme = "otlp+https"

// port is that of OTLP/HTTP, and path that of logs:
// https://opentelemetry.io/docs/specs/otlp/#otlphttp.
const (
	port = 4318
	path = "/v1/logs"
)

func init() {
	for _, scheme := range []string{"otlp", secureScheme} {
		sink.Register(scheme, newOpener)
	}
}

func newOpener() sink.Opener { return &Config{Endpoint: Endpoint{Gzip: true}, Env: true} }

// Endpoint is where the server is and how it is spoken to, which is the same for
// all sinks over HTTP. Its URL, with the whole path, is required.
type Endpoint = endpoint.Config

// Config describes a server and what of a record is sent to it how. Endpoint.URL is
// required; everything else may be zero. Endpoint.Gzip is on in URIs; code is to say so.
type Config struct {
	Endpoint

	Resource map[string]string // attributes of the resource

	// Members of a record that become its traceId, spanId and flags.
	TraceField string // empty: trace_id
	SpanField  string // empty: span_id
	FlagsField string // empty: trace_flags

	// Env has Open and Validate look at the OTEL_ variables too, see FromEnv. It is on
	// in URIs.
	Env bool
}

// Flags implements [sink.Opener].
func (c *Config) Flags(fs *flag.FlagSet) {
	c.Endpoint.Flags(fs)
	c.setDefaults()
	fs.Var((*pairs)(&c.Resource), "resource", "`attributes` of the resource: key=value,key=value; , = and % in them are percent-encoded")
	fs.StringVar(&c.TraceField, "trace-field", c.TraceField, "`member` of a record that is its trace id")
	fs.StringVar(&c.SpanField, "span-field", c.SpanField, "`member` of a record that is its span id")
	fs.StringVar(&c.FlagsField, "flags-field", c.FlagsField, "`member` of a record that has the trace's flags")
	fs.BoolVar(&c.Env, "env", c.Env, "take what is not given from the OTEL_ variables")
}

// setDefaults fills in what is not set.
func (c *Config) setDefaults() {
	c.TraceField = cmp.Or(c.TraceField, "trace_id")
	c.SpanField = cmp.Or(c.SpanField, "span_id")
	c.FlagsField = cmp.Or(c.FlagsField, "trace_flags")
}

// Defaults implements [sink.Defaulter].
func (c *Config) Defaults() map[string]string { return map[string]string{"linger": "1s"} }

// SetURL implements [sink.Opener].
func (c *Config) SetURL(u *url.URL) error {
	if u.Scheme == secureScheme {
		return c.Endpoint.SetURL(u, true, 0, path)
	}
	return c.Endpoint.SetURL(u, false, port, path)
}

// Open implements [sink.Opener]. It is New, of FromEnv if c.Env is set.
func (c *Config) Open(context.Context) (sink.Sink, error) {
	full, err := c.full()
	if err != nil {
		return nil, fmt.Errorf("otlp: %w", err)
	}
	return New(full)
}

// full returns c with what the environment says, if it is to be asked.
func (c *Config) full() (Config, error) {
	if !c.Env {
		return *c, nil
	}
	return c.withEnv(os.LookupEnv)
}

// destination is the sink.
type destination struct {
	client  *httppost.Client
	encoder *encoder
}

// New returns the sink, which is a [sink.Pinger]. Nothing is dialled, and the
// environment is not read. The error has all mistakes.
func New(c Config) (sink.Sink, error) {
	if err := c.check(); err != nil {
		return nil, fmt.Errorf("otlp: %w", err)
	}
	c.setDefaults()
	client, err := httppost.New(c.Endpoint, "otlp")
	if err != nil {
		return nil, fmt.Errorf("otlp: %w", err)
	}
	return &destination{client: client, encoder: newEncoder(c)}, nil
}

// Write implements [sink.Sink].
func (d *destination) Write(ctx context.Context, batch []sink.Record) error {
	w := d.encoder.writer()
	defer d.encoder.release(w)
	response, err := d.post(ctx, w.request(d.encoder.head, batch, time.Now()))
	if err != nil {
		return err
	}
	return httppost.Prefix("otlp", judge(response, len(batch)))
}

// Ping implements [sink.Pinger]. It sends a request without records, which a
// server is to answer with success
// (https://opentelemetry.io/docs/specs/otlp/#full-success-1).
func (d *destination) Ping(ctx context.Context) error {
	response, err := d.post(ctx, []byte(`{"resourceLogs":[]}`))
	if err != nil {
		return err
	}
	return httppost.Prefix("otlp", judge(response, 0))
}

func (d *destination) post(ctx context.Context, body []byte) (*httppost.Response, error) {
	response, err := d.client.Do(ctx, httppost.Request{Body: body, ContentType: jsonType})
	return response, httppost.Prefix("otlp", err)
}

// Close implements [sink.Sink].
func (d *destination) Close() error {
	d.client.Close()
	return nil
}
