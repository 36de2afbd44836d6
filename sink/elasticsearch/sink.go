package elasticsearch

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/fapilog/fapilog/sink"
	"github.com/fapilog/fapilog/sink/internal/httppost"
)

// Sink is the sink that [New] returns.
type Sink struct {
	nodes     []node
	inUse     atomic.Int32 // index of the node that is asked next
	documents documents
	pipeline  string
	query     url.Values
	maxAnswer int // bytes
	bodies    httppost.Buffers
}

// node is one of the cluster's.
type node struct {
	client *httppost.Client
	host   string
}

// filterPath keeps answers small. It counts for the errors of whole requests
// too, which the last of these names.
const filterPath = "errors,items.*.status,items.*.error.type,items.*.error.reason,error"

// newSink returns a sink without nodes.
func newSink(c *Config, index pattern) *Sink {
	field := cmp.Or(c.TimestampField, DefaultTimestampField)
	if field == NoTimestamp {
		field = ""
	}
	s := &Sink{
		documents: newDocuments(index, field, time.Now()),
		pipeline:  c.Pipeline,
		query:     url.Values{"filter_path": {filterPath}},
		maxAnswer: int(cmp.Or(c.MaxResponse, maxAnswer)),
	}
	if c.Pipeline != "" {
		s.query.Set("pipeline", c.Pipeline)
	}
	return s
}

// Write implements [sink.Sink].
func (s *Sink) Write(ctx context.Context, batch []sink.Record) error {
	body := s.bodies.Get()
	defer s.bodies.Put(body)
	*body = s.documents.appendBulk(*body, batch)
	return s.ask(ctx, httppost.Request{Path: "/_bulk", Query: s.query, Body: *body, ContentType: "application/x-ndjson"},
		func(r *httppost.Response) *sink.Error { return s.judge(r, batch, len(*body)) })
}

// Ping implements [sink.Pinger]: it asks for the product's name and version. Credentials
// that may only write are not told, and the refusal is enough.
func (s *Sink) Ping(ctx context.Context) error {
	return s.ask(ctx, httppost.Request{Method: http.MethodGet}, judgePing)
}

func judgePing(r *httppost.Response) *sink.Error {
	if r.Status == http.StatusForbidden && reasonOf(r.Body).Type == securityException {
		return nil
	}
	if e := httppost.Judge(worded(r)); e != nil {
		return e
	}
	if obj := bytes.TrimSpace(r.Body); len(obj) == 0 || obj[0] != '{' || !json.Valid(obj) {
		return strange(r, "not Elasticsearch or OpenSearch")
	}
	return nil
}

// Close implements [sink.Sink]. Requests under way end.
func (s *Sink) Close() error {
	for _, n := range s.nodes {
		n.client.Close()
	}
	return nil
}

// ask makes r of the node in use, and says what judge makes of the answer. The node
// is left if it does not do what it is there for.
func (s *Sink) ask(ctx context.Context, r httppost.Request, judge func(*httppost.Response) *sink.Error) error {
	response, n, err := s.do(ctx, r)
	if err != nil {
		s.leave(n)
		return httppost.Prefix("elasticsearch", err)
	}
	e := judge(response)
	if e == nil {
		return nil
	}
	if len(e.Items) == 0 && (e.Verdict == sink.Retry || e.Verdict == sink.Park) {
		s.leave(n)
	}
	if len(s.nodes) > 1 {
		e.Err = fmt.Errorf("%s: %w", s.nodes[n].host, e.Err)
	}
	return httppost.Prefix("elasticsearch", e)
}

// do makes r of the node in use, or of the first one after it to which there is a
// connection, and returns which node it was.
func (s *Sink) do(ctx context.Context, r httppost.Request) (response *httppost.Response, n int, err error) {
	for range s.nodes {
		n = int(s.inUse.Load())
		response, err = s.nodes[n].client.Do(ctx, r)
		if err == nil || !httppost.Unconnected(err) || ctx.Err() != nil {
			break
		}
		s.leave(n)
	}
	return response, n, err
}

// leave has the node after n asked next, unless another attempt has seen to it.
func (s *Sink) leave(n int) {
	s.inUse.CompareAndSwap(int32(n), int32((n+1)%len(s.nodes)))
}
