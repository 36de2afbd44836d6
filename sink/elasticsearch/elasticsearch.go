// Package elasticsearch is the sink that sends records to Elasticsearch or
// OpenSearch, with their bulk API. It registers four schemes:
//
//	elasticsearch://host:9200   elasticsearch+https://host:9200
//	opensearch://host:9200      opensearch+https://host:9200
//
// The port is 9200 unless the URI has one. A path is what a proxy wants before
// /_bulk, not an index. All of it is written by the documentation of both products
// (https://www.elastic.co/docs/api/doc/elasticsearch/operation/operation-bulk and
// https://docs.opensearch.org/latest/api-reference/document-apis/bulk/) and tested
// against a strict fake, package estest; no real cluster was tried.
//
// # Documents
//
// A record is a document: its JSON as it is, but with U+FFFD in place of bytes that
// are not UTF-8, which Elasticsearch refuses, and with its time in front under the name
// timestamp-field, @timestamp by default, in UTC, unless it has such a member. A
// record without a time counts as logged when the sink was opened.
//
// The record's id is the document's _id, and the action is create: a record that comes again,
// because an answer was lost or a process was killed, is answered with 409, which
// counts as delivered. So there are no duplicates within one index; a data stream
// that rolls over, and an index whose name has changed, know nothing of the ids
// before.
//
// # Indices
//
// index names the index of each record, [DefaultIndex] by default. It may hold
//
//	%Y %y %m %d %H %j   year, its last two digits, month, day, hour, day of the year
//	%G %V               year and number of the week (ISO 8601)
//	%%                  a percent sign
//	{+yyyy.MM.dd}       the same, as Logstash writes it: yyyy yy MM dd HH DDD xxxx ww
//	{name}              the member of that name of the record: a string, a number or a boolean
//	{group.name}        one in a group
//
// Times are the record's, in UTC. In a URI a percent sign is %25; the form in
// braces needs none. What a record names is made to fit: lower case; what is not a
// letter, a digit or one of . - _ + becomes _; cut after 64 bytes; without . - _ + at the
// name's start; unknown if the member is missing, empty or a list. Different
// values may so share an index, and each new one makes one: name fields with few values.
// A mistake in index itself is an error at the start. The rules are Elasticsearch's
// (https://www.elastic.co/docs/api/doc/elasticsearch/operation/operation-indices-create).
//
// data-stream=true says that index names a data stream, [DefaultDataStream] by default. It needs an
// index template, which Elasticsearch has for logs-*-*, and rolls over by itself: index
// has no date then, and timestamp-field, which Elasticsearch wants to be @timestamp, is required. The requests are the same.
//
// # Several hosts
//
// hosts=h2:9200,h3 names other nodes of the same cluster, with the same scheme,
// path and credentials. The sink stays with one as long as it answers. Where no
// connection can be made, the same attempt goes on with the next; after any other
// failure of a whole request (no answer in time, a reset, 5xx, an answer that is not
// Elasticsearch's, a refused login) the next attempt does. A host that hangs costs
// one attempt.
//
// # Credentials
//
// One of: user and password in the URI, basic-file, api-key or api-key-file (the
// encoded form, base64 of id:api_key), bearer, bearer-file, an Authorization
// header. Writing needs the privileges create_doc and, where indices are
// made by the first record, auto_configure.
//
// # What answers mean
//
// The status of the request is judged as by all sinks over HTTP. With a 2xx every
// record has its own by [ItemTable]: 2xx and 409 are delivered; 429 and 5xx, and
// these records alone, are tried again; 401 parks the sink; 403 does too, or rejects
// the record if its index is named after a member of it; other 4xx are rejected, with
// Elasticsearch's type and reason. A 2xx without an item for every record (HTML from a
// proxy, an answer that is cut off, empty or too long) says nothing: all are sent again,
// under the same ids.
//
// What the cluster's state or the settings refuse is not held against records:
//
//   - An index or the cluster is blocked: they are tried again.
//   - An index is closed: the sink is parked.
//   - The cluster has too many shards for another index: the sink is parked, or, if a member
//     names the index, these records are tried again.
//   - A pipeline does not exist, configured here or as the index's own; an index is not there
//     and not made (action.auto_create_index); an alias has no index to write to: the
//     sink is parked.
//   - The collection takes no documents with an id: the sink is parked.
//
// While records are tried again, those behind them wait, and no one record is to stop all others.
// So a record whose index is another than that of what is logged now, by its date or by a
// member, is rejected if that index is closed, or has index.blocks.write or
// index.blocks.read_only, as lifecycle policies give them to the indices of earlier days: let them stay
// open to writes for as long as records may wait in the journal. A full disk's
// index.blocks.read_only_allow_delete ends by itself and is waited for in any index. If
// a member names the index, a record is rejected too where there is no such index, or where
// that alias or the index's own pipeline is at fault. By its date alone it is not: where indices are
// neither made nor kept, the sink is parked rather than a backlog of some days lost.
//
// Up to 8 MiB of an answer are read. A batch whose answer may rightly be longer
// is halved when it is.
//
// # Troubleshooting
//
//   - 401, security_exception: credentials are missing or wrong; for api-key, take the
//     encoded form.
//   - 403, security_exception, at every record: the role lacks create_doc, or
//     auto_configure to make the index.
//   - 403, cluster_block_exception: the index is read-only; a full disk does that too,
//     as 429 in later versions. The records go through once the block is gone, but for
//     those of earlier days, whose index somebody has made so: they are quarantined.
//   - 404 on the whole request: the path is wrong; it is not the place for an index.
//   - 400, Duplicate field: the record has two members of one name, as slog
//     writes them when an attribute is given twice.
//   - 400, failed to parse field, or object mapping: another record has given
//     the field another type first. Map it in an index template.
//   - 400, Limit of total fields: too many different names. Map objects with free
//     keys as flattened (flat_object in OpenSearch).
//   - 400, this action would add … shards: too many indices; look at {name} in index,
//     delete old ones, or raise cluster.max_shards_per_node.
//   - 400, Document ID is not supported: a collection of OpenSearch Serverless for time series or
//     vectors (https://docs.aws.amazon.com/opensearch-service/latest/developerguide/serverless-overview.html).
//     It cannot be written to by this sink, which gives every document its id; take one for search.
//   - 413: requests are halved until they pass; or raise http.max_content_length.
//   - 429: the cluster is behind; nothing is lost while the journal has room.
//   - "not the answer to a bulk request": the address is that of something
//     else, often a login page or Kibana.
package elasticsearch

import (
	"cmp"
	"context"
	"flag"
	"net/url"
	"strings"

	"github.com/fapilog/fapilog/sink"
	"github.com/fapilog/fapilog/sink/endpoint"
)

func init() {
	for _, scheme := range []string{"elasticsearch", "elasticsearch+https", "opensearch", "opensearch+https"} {
		sink.Register(scheme, func() sink.Opener {
			c := new(Config)
			c.Gzip = true
			return c
		})
	}
}

// The defaults of [Config].
const (
	DefaultIndex          = "fapilog-%Y.%m.%d"
	DefaultDataStream     = "logs-fapilog-default"
	DefaultTimestampField = "@timestamp"
)

// NoTimestamp as [Config.TimestampField] adds no time to documents. A URI writes it as
// nothing: timestamp-field=
const NoTimestamp = "-"

// Endpoint is where the cluster's first node is and how all of them are spoken to, which is
// the same for all sinks over HTTP. Its URL is required.
type Endpoint = endpoint.Config

// Config describes a cluster and what is sent to it. Endpoint.URL is required. By URI requests are
// compressed unless it says gzip=false; in code set Gzip.
type Config struct {
	Endpoint

	Hosts          sink.List // other nodes: host or host:port; the port is URL's by default
	Index          string    // pattern, see the package comment; empty: DefaultIndex, or DefaultDataStream
	DataStream     bool      // Index names a data stream
	TimestampField string    // member that tells the time; empty: DefaultTimestampField
	Pipeline       string    // ingest pipeline; empty: the index's own

	APIKey     sink.Secret // base64 of id:api_key
	APIKeyFile string      // holds one; read again when it changes
}

// Flags implements [sink.Opener].
func (c *Config) Flags(fs *flag.FlagSet) {
	c.Index = cmp.Or(c.Index, DefaultIndex)
	c.TimestampField = cmp.Or(c.TimestampField, DefaultTimestampField)

	c.Endpoint.Flags(fs)
	fs.Var(&c.Hosts, "hosts", "other `nodes` of the cluster, tried when one fails: host:port,host:port")
	fs.StringVar(&c.Index, "index", c.Index, "`pattern` of the index: text, %Y %m %d %H (in a URI %25Y) or {+yyyy.MM.dd}, {member}; with data-stream "+DefaultDataStream)
	fs.BoolVar(&c.DataStream, "data-stream", c.DataStream, "index names a data stream")
	fs.Var(timestampField{&c.TimestampField}, "timestamp-field", "`member` that tells the time, added where a record has none; empty: none is added")
	fs.StringVar(&c.Pipeline, "pipeline", c.Pipeline, "`name` of an ingest pipeline")
	fs.Var(&c.APIKey, "api-key", "API key in its encoded form")
	fs.StringVar(&c.APIKeyFile, "api-key-file", c.APIKeyFile, "`file` with such a key; read again when it changes")
}

// SetURL implements [sink.Opener].
func (c *Config) SetURL(u *url.URL) error {
	return c.Endpoint.SetURL(u, strings.HasSuffix(u.Scheme, "+https"), defaultPort, "/")
}

// defaultPort is that of http.port and http_port.
const defaultPort = 9200

// Open implements [sink.Opener].
func (c *Config) Open(context.Context) (sink.Sink, error) { return New(*c) }

// New returns a sink, which is a [*Sink]. Nothing is dialled. The error has all
// that [Config.Validate] finds.
func New(c Config) (sink.Sink, error) { return open(c) }

// timestampField is a flag whose empty value is NoTimestamp.
type timestampField struct{ p *string }

// Set implements [flag.Value].
func (f timestampField) Set(s string) error {
	*f.p = cmp.Or(s, NoTimestamp)
	return nil
}

// String implements [flag.Value]. Package flag calls it on the zero value too.
func (f timestampField) String() string {
	if f.p == nil || *f.p == NoTimestamp {
		return ""
	}
	return *f.p
}

// Get implements [flag.Getter].
func (f timestampField) Get() any { return f.String() }
