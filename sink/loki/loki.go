// Package loki is the sink that pushes records to Grafana Loki. It registers the
// schemes loki and loki+https:
//
//	loki://loki:3100?labels=app=api,env=prod&label-fields=level&metadata-fields=trace_id
//	loki+https://12345:${TOKEN}@logs.example.com?tenant=team-a
//
// The port is 3100 if there is none, with loki+https 443. A path is put before
// /loki/api/v1/push; one that ends so is taken as it is. batch_size and batch_interval
// are other names for batch-records and linger.
//
// # What is sent
//
// Each batch is one request to the push API, as JSON with structured metadata
// (https://grafana.com/docs/loki/latest/reference/loki-http-api/). The line is the
// record's JSON, byte for byte; only bytes that are not UTF-8, which JSON cannot
// carry, become U+FFFD. The time is the record's own, in nanoseconds. A record
// without one has that of its first attempt, and keeps it in the next ones.
//
// Records with the same labels are one stream, and stand in it in the order in which
// they were logged. Loki sorts by time when it is asked.
//
// Loki keeps one of two records that have the same labels, time and line. That makes
// attempts repeatable: what an attempt had stored before its answer was lost is not
// there twice. It also means that of two records that are alike to the
// nanosecond one is not seen.
//
// # Labels
//
// labels are those of every record; without any it is service_name, with the name
// of the program. label-fields are fields of the record whose values become labels,
// named like the fields. Each combination of values is a stream, and
// Loki is slow with many, so only the first label-values values of a field that this
// process sees are labels; those after them are "other". A field
// that a record does not have, or that is empty or null, is no label of it.
//
// A field is a member of the record's JSON; a.b is the member b of the group a, or one
// that is named so. level is the record's level as trace, debug, info, warn,
// error or critical, however it is written in the record. Values that are no strings
// are written as in JSON.
//
// metadata-fields become structured metadata, for fields with many values:
// {app="api"} | trace_id="…" finds them without parsing lines. It needs Loki 3.0, or
// 2.9 with allow_structured_metadata.
//
// Names are made to fit [a-zA-Z_][a-zA-Z0-9_]*: other characters become _, and so do two
// or more at the beginning, which are for Loki's own names. In values of labels,
// control characters become spaces. Values are cut at Loki's own limits: labels at
// 2048 bytes, all metadata of a record at 64 KiB. More than 15 labels are an error:
// https://grafana.com/docs/loki/latest/configure/#limits_config.
//
// # Limits
//
// max-line and max-age are to be set to what the server has as max_line_size and
// reject_old_samples_max_age. Records beyond them are then dealt with before they are
// sent, which saves searching for them. A line that is too long is
// cut: it stays one JSON object, marked with truncated and original_size. With
// long-lines=quarantine it is quarantined. So is a record that is too old.
//
// Without these settings, and for what else Loki does not take, it answers 400 to the whole
// batch. It has stored the good part by then. The batch is sent again in
// halves, until the guilty records are found and quarantined with Loki's reason; Loki
// recognises those that it has.
//
// It does so only while they are recent: of each stream Loki refuses what is more than
// half of its max_chunk_age (2 h) older than the newest record that it has, even what it
// has stored. So one request has, of each stream, only records up to max-span after the
// oldest; the others follow in the next ones. Keep max-span below half of max_chunk_age.
// Records that are logged further out of the order of their times than that are refused.
//
// # Answers
//
// 2xx is success, but for a page of HTML, which something in between must have
// answered. 429 is waited out: it leaves the circuit closed. 400 and most other 4xx
// search for the guilty record. 413 sends smaller batches. 401, 403, 404 and redirects
// park the sink until the configuration or the server changes, and so does 260, by
// which Loki says that a tenant is blocked. Everything else is a
// failure and tried again.
//
// # Troubleshooting
//
// "429 Too Many Requests: Ingestion rate limit exceeded": Loki's limits
// ingestion_rate_mb, ingestion_burst_size_mb and per_stream_rate_limit are too low for
// what is logged. Nothing is lost as long as the journal holds it. A batch must fit into
// the burst: see batch-bytes.
//
// "Maximum active stream limit exceeded": label-fields have too many values. Make
// them metadata-fields, or lower label-values.
//
// "timestamp too old": records waited longer, in an outage or a journal, than
// reject_old_samples_max_age allows. They are in the quarantine.
//
// "entry too far behind": Loki has records of this stream that are more than an hour
// newer. Another process writes with the same labels, and this one drains a backlog:
// give each a label of its own, such as instance. Or max_chunk_age of the server is
// less than 2 h: lower max-span.
//
// "includes structured metadata, but this feature is disallowed": the server is too
// old or not configured for it. Leave metadata-fields out.
//
// "401 Unauthorized: no org id": the server has several tenants; give tenant.
//
// "404 Not Found": the path is wrong, or what answers is not Loki.
//
// Delivered, and not found by a query: the query's labels are others than those that
// are sent, or its time range is (records have the time at which they were
// logged), or the tenant is.
//
// "260: the tenant is blocked": block_ingestion_until is set for it in Loki. The sink is
// parked and keeps its records until that is over.
package loki

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/fapilog/fapilog/encode"
	"github.com/fapilog/fapilog/sink"
	"github.com/fapilog/fapilog/sink/endpoint"
	"github.com/fapilog/fapilog/sink/internal/httppost"
)

const (
	pushPath  = "/loki/api/v1/push"
	readyPath = "/ready"
	port      = 3100
)

func init() {
	sink.Register("loki", newOpener)
	sink.Register("loki+https", newOpener)
}

func newOpener() sink.Opener { return &Config{Endpoint: Endpoint{Gzip: true}} }

// Endpoint is where the server is and how it is spoken to, which is the same for
// all sinks over HTTP. Its URL is required; the path of it is what stands before
// /loki/api/v1/push.
type Endpoint = endpoint.Config

// Config describes a Loki server and what of a record is sent to it how. Endpoint.URL
// is required; everything else may be zero. Endpoint.Gzip is on in URIs; code is to say
// so.
type Config struct {
	Endpoint

	Tenant         string        // X-Scope-OrgID; empty: none is sent
	Labels         sink.List     // "name=value"; empty: service_name=<program>
	LabelFields    sink.List     // fields that become labels
	LabelValues    int           // values of such a field that do; 0: 100
	MetadataFields sink.List     // fields that become structured metadata
	MaxLine        sink.Bytes    // longest line that is sent; 0: no limit
	LongLines      string        // Cut or Quarantine; empty: Cut
	MaxAge         sink.Duration // age of the oldest record that is sent; 0: any
	MaxSpan        sink.Duration // from the oldest to the newest record of a stream in one request; 0: 50 minutes
}

// The values of Config.LongLines.
const (
	Cut        = "cut"
	Quarantine = "quarantine"
)

// DefaultLabelValues is what Config.LabelValues is if it is 0.
const DefaultLabelValues = 100

// DefaultMaxSpan is what Config.MaxSpan is if it is 0: less than half of Loki's
// max_chunk_age of 2 hours.
const DefaultMaxSpan = sink.Duration(50 * time.Minute)

// Flags implements [sink.Opener].
func (c *Config) Flags(fs *flag.FlagSet) {
	c.Endpoint.Flags(fs)
	if c.LabelValues == 0 {
		c.LabelValues = DefaultLabelValues
	}
	c.MaxSpan = cmp.Or(c.MaxSpan, DefaultMaxSpan)
	fs.StringVar(&c.Tenant, "tenant", c.Tenant, "the `tenant` (X-Scope-OrgID)")
	fs.Var(&c.Labels, "labels", "`labels` of every record: name=value,name=value; none: service_name=<program>")
	fs.Var(&c.LabelFields, "label-fields", "`fields` of a record that become labels: level,logger")
	fs.Var((*count)(&c.LabelValues), "label-values", "`number` of values of such a field that become labels; further ones become other")
	fs.Var(&c.MetadataFields, "metadata-fields", "`fields` of a record that become structured metadata: trace_id,http.method")
	fs.Var(&c.MaxLine, "max-line", "longest `line` that is sent; 0: no limit")
	fs.Var(sink.Enum(&c.LongLines, Cut, Quarantine), "long-lines", "what becomes of longer ones: `cut|quarantine`")
	fs.Var(&c.MaxAge, "max-age", "`age` beyond which a record is quarantined and not sent; 0: none")
	fs.Var(span{&c.MaxSpan}, "max-span", "longest `time` from the oldest to the newest record of a stream in one request")
}

// Aliases implements [sink.Aliaser].
func (c *Config) Aliases() map[string]string {
	return map[string]string{"batch_size": "batch-records", "batch_interval": "linger"}
}

// SetURL implements [sink.Opener].
func (c *Config) SetURL(u *url.URL) error {
	secure, defaultPort := u.Scheme == "loki+https", port
	if secure {
		defaultPort = 0
	}
	if err := c.Endpoint.SetURL(u, secure, defaultPort, ""); err != nil {
		return err
	}
	_, err := prefixOf(c.URL)
	return err
}

// Open implements [sink.Opener]. It is New.
func (c *Config) Open(context.Context) (sink.Sink, error) { return New(*c) }

// destination is the sink.
type destination struct {
	client *httppost.Client
	header http.Header
	labels []byte // the labels of every record as the beginning of a JSON object
	fields fields
	most   int // values of a label field

	maxLine int             // 0: none
	cutter  *encode.Encoder // nil: longer lines are quarantined
	maxAge  time.Duration   // 0: none
	maxSpan time.Duration
	packers sync.Pool // of *packer

	// mu guards what is kept from one attempt to the next, so that a record is the
	// same in each.
	mu     sync.Mutex
	values []map[string]struct{} // those of each label field
	stamps stamps
}

// New returns the sink. Nothing is dialled. The error joins what is wrong with the
// settings.
func New(c Config) (sink.Sink, error) {
	d, err := c.destination()
	if err != nil {
		return nil, fmt.Errorf("loki: %w", err)
	}
	return d, nil
}

func (c Config) destination() (*destination, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	labels, err := c.labels()
	if err != nil {
		return nil, err
	}
	d := &destination{
		labels: appendLabels(nil, labels), fields: c.fields(), most: c.labelValues(),
		maxLine: int(c.MaxLine), maxAge: time.Duration(c.MaxAge), header: http.Header{},
		maxSpan: time.Duration(cmp.Or(c.MaxSpan, DefaultMaxSpan)),
	}
	for range c.LabelFields {
		d.values = append(d.values, map[string]struct{}{})
	}
	if c.MaxLine > 0 && c.LongLines != Quarantine {
		d.cutter, err = encode.New(encode.Options{Redact: encode.Redact{Off: true}, MaxRecord: d.maxLine})
		if err != nil {
			return nil, err
		}
	}
	if c.Tenant != "" {
		d.header.Set("X-Scope-OrgID", c.Tenant)
	}
	if c.URL, err = prefixOf(c.URL); err != nil {
		return nil, err
	}
	if d.client, err = httppost.New(c.Endpoint, "loki"); err != nil {
		return nil, err
	}
	return d, nil
}

// Write implements [sink.Sink].
func (d *destination) Write(ctx context.Context, batch []sink.Record) error {
	p := d.packer()
	defer p.release()
	body, refused := p.pack(batch, time.Now())
	if len(refused) < len(batch) {
		response, err := d.client.Do(ctx, httppost.Request{
			Path: pushPath, Body: body, ContentType: "application/json", Header: d.header,
		})
		if err != nil {
			return httppost.Prefix("loki", err)
		}
		if e := judge(response); e != nil {
			return httppost.Prefix("loki", e)
		}
	}
	d.forget(batch, refused)
	if len(refused) > 0 {
		return &sink.Error{Items: refused}
	}
	return nil
}

// Ping implements [sink.Pinger]. A gateway in front of Loki may not know /ready, or
// not give it to everybody: that something answers it in earnest is enough.
func (d *destination) Ping(ctx context.Context) error {
	response, err := d.client.Do(ctx, httppost.Request{Method: http.MethodGet, Path: readyPath, Header: d.header})
	if err != nil {
		return httppost.Prefix("loki", err)
	}
	if e := judge(response); e != nil && (e.Verdict == sink.Retry || e.Verdict == sink.Throttled) {
		return httppost.Prefix("loki", e)
	}
	return nil
}

// Close implements [sink.Sink].
func (d *destination) Close() error {
	d.client.Close()
	return nil
}

var _ interface {
	sink.Opener
	sink.Validator
	sink.Aliaser
} = (*Config)(nil)
