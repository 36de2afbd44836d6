package loki

import (
	"fmt"
	"mime"
	"regexp"

	"github.com/fapilog/fapilog/sink"
	"github.com/fapilog/fapilog/sink/internal/httppost"
)

// blocked is what a Loki answers by default whose tenant is blocked
// (block_ingestion_status_code, https://grafana.com/docs/loki/latest/configure/): it
// stores nothing, and calls that a success so that clients do not try again.
const blocked = 260

// Table returns what a Loki's statuses mean: its own row, then the common ones. The
// first that has a status counts.
func Table() []httppost.Row {
	return append([]httppost.Row{{First: blocked, Last: blocked, Verdict: sink.Park, Remark: "the tenant is blocked, and nothing was stored"}}, httppost.Table()...)
}

// judge returns what an answer means: the common table, but that a page of HTML and
// the answer of a blocked tenant are no success. Loki's own has no body.
func judge(r *httppost.Response) *sink.Error {
	if r.Status/100 == 2 && isHTML(r) {
		return &sink.Error{Err: fmt.Errorf("%d with a page of HTML: something in between has answered, not Loki", r.Status)}
	}
	if r.Status == blocked {
		return &sink.Error{Verdict: sink.Park, Err: fmt.Errorf("%d: the tenant is blocked, and nothing was stored: %s", r.Status, r.Excerpt())}
	}
	short := *r
	short.Body = longLabels.ReplaceAll(r.Body, []byte("{…}"))
	return httppost.Judge(&short)
}

// longLabels matches the labels of a stream. Loki quotes them in front of its reason,
// and the text of an error has not room for both.
var longLabels = regexp.MustCompile(`\{[^{}]{24,}\}`)

func isHTML(r *httppost.Response) bool {
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	return kind == "text/html" && len(r.Body) > 0
}
