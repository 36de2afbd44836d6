package otlp

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"

	"github.com/fapilog/fapilog/sink"
	"github.com/fapilog/fapilog/sink/internal/httppost"
)

// jsonType is the media type of requests and answers.
const jsonType = "application/json"

// Table returns what a status means; the first row that has it counts.
func Table() []httppost.Row { return httppost.Table() }

// judge returns what the answer to a request with n records means; nil: they are
// delivered.
func judge(r *httppost.Response, n int) *sink.Error {
	if r.Status/100 == 2 {
		return judgeSuccess(r, n)
	}
	reasoned := *r
	if reason := statusMessage(r.Body); reason != "" {
		reasoned.Body = []byte(reason)
	}
	e := httppost.Judge(&reasoned)
	if r.Status == http.StatusBadRequest && bytes.Contains(r.Body, []byte(tooLarge)) {
		e.Verdict = sink.TooLarge
	}
	return e
}

// tooLarge is what the OpenTelemetry Collector says, with 400, of a request beyond its
// max_request_body_size, where OTLP has 413. It is the text of http.MaxBytesError.
const tooLarge = "request body too large"

// statusMessage returns the message of a google.rpc.Status, which is what an answer
// without success holds.
func statusMessage(body []byte) string {
	var status struct {
		Message string `json:"message"`
	}
	if json.Unmarshal(body, &status) != nil {
		return ""
	}
	return status.Message
}

// answer is an ExportLogsServiceResponse
// (https://opentelemetry.io/docs/specs/otlp/#partial-success-1).
type answer struct {
	PartialSuccess struct {
		RejectedLogRecords json.Number `json:"rejectedLogRecords"` // a string, as JSON has no int64, or a number
		ErrorMessage       string      `json:"errorMessage"`
	} `json:"partialSuccess"`
}

func judgeSuccess(r *httppost.Response, n int) *sink.Error {
	if e := httppost.JudgeSuccess(r); e != nil || r.Status == http.StatusNoContent {
		return e
	}
	if kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); kind != jsonType {
		return unknown(r, fmt.Sprintf("with %s instead of %s", cmp.Or(r.Clean(kind), "no content type"), jsonType))
	}
	var a answer
	if !bytes.HasPrefix(bytes.TrimLeft(r.Body, " \t\r\n"), []byte("{")) || json.Unmarshal(r.Body, &a) != nil {
		return unknown(r, "with an answer that is not OTLP's")
	}
	rejected, err := cmp.Or(a.PartialSuccess.RejectedLogRecords, "0").Int64()
	if err != nil {
		return unknown(r, "with a number of rejected records that is none")
	}
	return refused(int(min(rejected, int64(n))), n, r.Clean(a.PartialSuccess.ErrorMessage))
}

// unknown is the verdict on a success that no OTLP server speaks of.
func unknown(r *httppost.Response, what string) *sink.Error {
	text := fmt.Sprintf("%d %s %s; something in between has answered, or the server does not keep to OTLP", r.Status, http.StatusText(r.Status), what)
	if excerpt := r.Excerpt(); excerpt != "" {
		text += ": " + excerpt
	}
	return &sink.Error{Err: errors.New(text)}
}

// refused is the verdict on n records of which some were refused, for a reason that
// may be empty. Which ones is not known: the last ones stand for them.
func refused(some, n int, reason string) *sink.Error {
	if some <= 0 {
		return nil
	}
	text := fmt.Sprintf("%d of %d records were refused", some, n)
	if some < n {
		text += ", the server does not say which; the last ones of the batch stand for them"
	}
	if reason != "" {
		text += ": " + reason
	}
	e := &sink.Error{Err: errors.New(text), Verdict: sink.Rejected}
	for i := n - some; i < n; i++ {
		e.Items = append(e.Items, sink.ItemError{Index: i, Verdict: sink.Rejected})
	}
	return e
}
