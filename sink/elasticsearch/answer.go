package elasticsearch

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/fapilog/fapilog/encode"
	"github.com/fapilog/fapilog/sink"
	"github.com/fapilog/fapilog/sink/internal/httppost"
)

// maxAnswer is how many bytes of an answer are read.
const maxAnswer = 8 << 20

// longestAnswer returns how long the answer to a request of so many records and
// bytes may rightly be: a reason quotes at most what was sent.
func longestAnswer(records, sent int) int { return 64<<10 + 512*records + 2*sent }

var itemTable = []httppost.Row{
	{First: 200, Last: 299, Delivered: true},
	{First: 409, Last: 409, Delivered: true, Remark: "the index has a document of this id, which is this record"},
	{First: 401, Last: 401, Verdict: sink.Park, Remark: "credentials are missing or wrong, or have expired"},
	{First: 403, Last: 403, Verdict: sink.Park, Remark: "rejected if the index is named after a member of the record, or is an earlier one that somebody has made read-only; retry if the index or the cluster is blocked otherwise"},
	{First: 429, Last: 429, Verdict: sink.Throttled, Remark: "after Retry-After"},
	{First: 400, Last: 499, Verdict: sink.Rejected, Remark: "with type and reason; parked or tried again if it is about the pipeline, the index or the cluster"},
	{First: 500, Last: 599, Verdict: sink.Retry},
	{First: 0, Last: math.MaxInt, Verdict: sink.Retry},
}

// ItemTable returns what the status of one record means in the answer to a bulk
// request; the first row that has the status counts.
func ItemTable() []httppost.Row { return slices.Clone(itemTable) }

// judge returns what the answer to a request of so many bytes for batch means.
func (s *Sink) judge(r *httppost.Response, batch []sink.Record, sent int) *sink.Error {
	records := len(batch)
	if r.Truncated && r.Status/100 == 2 && records > 1 && longestAnswer(records, sent) > s.maxAnswer {
		return &sink.Error{Verdict: sink.TooLarge, Err: fmt.Errorf("the answer to %d records is longer than %v", records, sink.Bytes(s.maxAnswer))}
	}
	if e := httppost.Judge(worded(r)); e != nil {
		return e
	}
	items, err := parseItems(r.Body, records)
	if err != nil {
		return strange(r, err.Error())
	}
	e := &sink.Error{After: httppost.RetryAfter(r.Header, time.Now())}
	for i, it := range items {
		if verdict, delivered := s.verdict(it, &batch[i]); !delivered {
			e.Items = append(e.Items, sink.ItemError{Index: i, Verdict: verdict, Err: it.err(r)})
		}
	}
	if len(e.Items) == 0 {
		return nil
	}
	e.Err = fmt.Errorf("%d of %d records failed; the first: %w", len(e.Items), records, e.Items[0].Err)
	return e
}

// verdict returns what became of a record.
func (s *Sink) verdict(it item, r *sink.Record) (v sink.Verdict, delivered bool) {
	i := slices.IndexFunc(itemTable, func(row httppost.Row) bool { return row.First <= it.status && it.status <= row.Last })
	row := itemTable[max(i, 0)]
	switch {
	case i < 0: // a negative status
		return sink.Retry, false
	case row.Verdict != sink.Park && row.Verdict != sink.Rejected:
		return row.Verdict, row.Delivered
	}
	if v, ok := s.state(it.reason, r); ok {
		return v, false
	}
	if it.status == http.StatusForbidden && s.documents.index.fields {
		return sink.Rejected, false // or one record could stop all others
	}
	return row.Verdict, false
}

// state returns the verdict for a reason that is about the cluster, an index or what is
// configured, and not about what the record r holds.
func (s *Sink) state(why reason, r *sink.Record) (v sink.Verdict, ok bool) {
	named := s.documents.index.fields // the record names its index
	switch {
	case s.noPipeline(why), why.noIDs():
		return sink.Park, true
	case why.shut() && s.documents.astray(r, time.Now()):
		return sink.Rejected, true // or one record could stop all others
	case why.Type == clusterBlock:
		return sink.Retry, true
	case why.tooManyShards() && named:
		return sink.Retry, true // other indices may take theirs
	case why.Type == indexClosed, why.tooManyShards():
		return sink.Park, true
	case why.unprepared() && !named:
		return sink.Park, true
	}
	return 0, false
}

// noPipeline reports whether r is how both products say that the configured
// pipeline does not exist.
func (s *Sink) noPipeline(r reason) bool {
	return s.pipeline != "" && r.Reason == "pipeline with id ["+s.pipeline+"] does not exist"
}

// item is what became of a record.
type item struct {
	status int // 0: not told
	reason reason
}

func (it item) err(r *httppost.Response) error {
	text := "no status"
	if it.status != 0 {
		text = strconv.Itoa(it.status)
	}
	if reason := it.reason.String(); reason != "" {
		text += ": " + r.Clean(reason)
	}
	return errors.New(text)
}

// parseItems returns the items of an answer, which are to be n.
func parseItems(body []byte, n int) ([]item, error) {
	var answer struct{ Items json.RawMessage }
	if err := json.Unmarshal(body, &answer); err != nil {
		return nil, errors.New("not the answer to a bulk request")
	}
	if len(answer.Items) == 0 || answer.Items[0] != '[' {
		return nil, errors.New("not the answer to a bulk request: it has no items")
	}
	items := make([]item, 0, n)
	d := json.NewDecoder(bytes.NewReader(answer.Items))
	_, err := d.Token() // [
	for raw := json.RawMessage(nil); err == nil && d.More(); {
		if len(items) == n {
			return nil, fmt.Errorf("more items than the %d records sent", n)
		}
		raw = raw[:0]
		if err = d.Decode(&raw); err == nil {
			items = append(items, parseItem(raw))
		}
	}
	if err != nil || len(items) < n {
		return nil, fmt.Errorf("%d items for %d records", len(items), n)
	}
	return items, nil
}

// parseItem parses {"create":{"status":201,"error":{…}}}. What it cannot read is
// not told.
func parseItem(raw []byte) (it item) {
	for _, result := range encode.Fields(raw) {
		for key, value := range encode.Fields(result) {
			switch {
			case key.Is("status"):
				it.status, _ = strconv.Atoi(string(value))
			case key.Is("error"):
				it.reason = parseReason(value)
			}
		}
		return it
	}
	return it
}

// reason is an error as Elasticsearch tells it.
type reason struct{ Type, Reason string }

func (r reason) String() string {
	if r.Type == "" || r.Reason == "" {
		return cmp.Or(r.Type, r.Reason)
	}
	return r.Type + ": " + r.Reason
}

// Types of errors.
const (
	securityException = "security_exception" // credentials and rights
	clusterBlock      = "cluster_block_exception"
	indexClosed       = "index_closed_exception"
	illegalArgument   = "illegal_argument_exception"
)

// lasting are the blocks of one index that stay until somebody takes them away: closed
// (4), read-only (5) and write (8), which lifecycle policies set on the indices of
// earlier days. That of a full disk (12, FORBIDDEN or TOO_MANY_REQUESTS by version) and those of
// the cluster (1, 2, 6, 10, 13) end with what has led to them. A block is told as
// [status/number/text]; the numbers stand in IndexMetadata and MetadataIndexStateService
// in the sources of both products.
var lasting = []string{"[FORBIDDEN/4/", "[FORBIDDEN/5/", "[FORBIDDEN/8/"}

// shut reports whether r says that one index takes no documents, and will not by itself.
func (r reason) shut() bool {
	if r.Type != clusterBlock {
		return r.Type == indexClosed
	}
	// A block of the whole cluster would stand first, without an index.
	return strings.HasPrefix(r.Reason, "index [") &&
		slices.ContainsFunc(lasting, func(block string) bool { return strings.Contains(r.Reason, block) })
}

// unprepared reports whether r says that an index is not there, is an alias that cannot be
// written to, or has a pipeline that does not exist (index.default_pipeline,
// index.final_pipeline). The texts are the same in both products.
func (r reason) unprepared() bool {
	if r.Type != illegalArgument {
		return r.Type == "index_not_found_exception"
	}
	return strings.HasPrefix(r.Reason, "no write index is defined for alias [") ||
		strings.HasPrefix(r.Reason, "pipeline with id [") && strings.HasSuffix(r.Reason, "] does not exist")
}

// noIDs reports whether r is how OpenSearch Serverless says that a collection takes no
// documents with an _id.
func (r reason) noIDs() bool {
	return r.Type == illegalArgument && strings.HasPrefix(r.Reason, "Document ID is not supported")
}

// tooManyShards reports whether r is how both products say that the cluster's limit
// does not allow another index.
func (r reason) tooManyShards() bool {
	return r.Type == "validation_exception" && strings.Contains(r.Reason, "maximum") && strings.Contains(r.Reason, "shards open")
}

// parseReason parses an object with type and reason, or a text alone.
func parseReason(raw []byte) (r reason) {
	if json.Unmarshal(raw, &r) == nil {
		return r
	}
	var text string
	if json.Unmarshal(raw, &text) == nil {
		return reason{Reason: text}
	}
	return reason{}
}

// reasonOf returns the reason in the body of a request that failed as a whole.
func reasonOf(body []byte) reason {
	var answer struct{ Error json.RawMessage }
	if json.Unmarshal(body, &answer) != nil {
		return reason{}
	}
	return parseReason(answer.Error)
}

// worded returns r with the reason in place of the JSON around it.
func worded(r *httppost.Response) *httppost.Response {
	if r.Status/100 == 2 {
		return r
	}
	text := reasonOf(r.Body).String()
	if text == "" {
		return r
	}
	short := *r
	short.Body = []byte(text)
	return &short
}

// strange returns the error for a status of success with something else than was
// asked for.
func strange(r *httppost.Response, what string) *sink.Error {
	text := strconv.Itoa(r.Status) + " " + http.StatusText(r.Status) + ", but " + what
	if excerpt := r.Excerpt(); excerpt != "" {
		text += ": " + excerpt
	}
	return &sink.Error{Err: errors.New(text)}
}
