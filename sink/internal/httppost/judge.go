package httppost

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/fapilog/fapilog/sink"
)

// Row says what a range of statuses means.
type Row struct {
	First, Last int
	Delivered   bool
	Verdict     sink.Verdict // if not Delivered
	Remark      string
}

// Statuses returns the range as text: 429, 401–403, other 4xx.
func (r Row) Statuses() string {
	switch {
	case r.First == r.Last:
		return strconv.Itoa(r.First)
	case r.First == 0:
		return "anything else"
	case r.First%100 == 0 && r.Last == r.First+99:
		prefix := ""
		if r.First == 400 || r.First == 500 {
			prefix = "other "
		}
		return fmt.Sprintf("%s%dxx", prefix, r.First/100)
	}
	return fmt.Sprintf("%d–%d", r.First, r.Last)
}

// Outcome returns "delivered" or the name of the verdict.
func (r Row) Outcome() string {
	if r.Delivered {
		return "delivered"
	}
	return r.Verdict.String()
}

// String returns the row as cells of a Markdown table: statuses, outcome, remark.
func (r Row) String() string {
	return fmt.Sprintf("%s | %s | %s", r.Statuses(), r.Outcome(), r.Remark)
}

// table is what statuses mean. The first row that has a status counts.
var table = []Row{
	{First: 200, Last: 299, Delivered: true, Remark: "if the whole answer came; cut off or too long, it is a retry"},
	{First: 300, Last: 399, Verdict: sink.Park, Remark: "a redirect that is not followed"},
	{First: 401, Last: 401, Verdict: sink.Park, Remark: "credentials are missing or wrong"},
	{First: 402, Last: 402, Verdict: sink.Park, Remark: "the account is used up or not paid"},
	{First: 403, Last: 403, Verdict: sink.Park, Remark: "credentials do not suffice"},
	{First: 404, Last: 404, Verdict: sink.Park, Remark: "the path is wrong, or its route is gone"},
	{First: 405, Last: 406, Verdict: sink.Park, Remark: "no such thing can be done there: the path is wrong, or the method"},
	{First: 407, Last: 407, Verdict: sink.Park, Remark: "the proxy wants credentials"},
	{First: 408, Last: 408, Verdict: sink.Retry},
	{First: 410, Last: 411, Verdict: sink.Park, Remark: "the path is gone; the server cannot read what is sent in parts"},
	{First: 413, Last: 413, Verdict: sink.TooLarge},
	{First: 414, Last: 414, Verdict: sink.Park, Remark: "the address is too long"},
	{First: 415, Last: 415, Verdict: sink.Park, Remark: "the path is wrong, or the form of the body"},
	{First: 421, Last: 421, Verdict: sink.Retry, Remark: "another connection may lead to the right server"},
	{First: 423, Last: 423, Verdict: sink.Park, Remark: "what the path leads to is locked"},
	{First: 424, Last: 424, Verdict: sink.Retry, Remark: "another request has failed"},
	{First: 425, Last: 425, Verdict: sink.Retry},
	{First: 426, Last: 426, Verdict: sink.Park, Remark: "the server wants another protocol"},
	{First: 429, Last: 429, Verdict: sink.Throttled, Remark: "after Retry-After"},
	{First: 431, Last: 431, Verdict: sink.Park, Remark: "the headers are too large"},
	{First: 451, Last: 451, Verdict: sink.Park, Remark: "the law or an authority forbids it"},
	{First: 494, Last: 497, Verdict: sink.Park, Remark: "nginx: the headers are too large, the client's certificate is wrong or missing, or TLS is missing"},
	{First: 400, Last: 499, Verdict: sink.Rejected, Remark: "a 400 whose text says one of 494–497: park"},
	{First: 500, Last: 599, Verdict: sink.Retry, Remark: "after Retry-After"},
	{First: 0, Last: math.MaxInt, Verdict: sink.Retry},
}

// Table returns what [Judge] makes of each status; the first row that has a
// status counts.
func Table() []Row { return slices.Clone(table) }

// Judge returns what a response means by [Table]; nil: delivered. A response
// with a status of success whose end was not read means Retry: what the server
// had to say is not known. The text of the error has the status and the
// [Response.Excerpt], or what to do if no record is to blame for a 400.
func Judge(r *Response) *sink.Error {
	i := slices.IndexFunc(table, func(row Row) bool { return row.First <= r.Status && r.Status <= row.Last })
	row := table[max(i, 0)]
	if i < 0 {
		row = table[len(table)-1] // a negative status
	}
	if row.Delivered {
		return JudgeSuccess(r)
	}
	if advice := r.complaint(); r.Status == http.StatusBadRequest && advice != "" {
		return &sink.Error{Verdict: sink.Park, Err: errors.New(statusText(r.Status) + ": " + advice)}
	}
	e := &sink.Error{Verdict: row.Verdict, Err: errors.New(r.describe())}
	if row.Verdict == sink.Retry || row.Verdict == sink.Throttled {
		e.After = RetryAfter(r.Header, time.Now())
	}
	return e
}

// JudgeSuccess is Judge for a status that means success whatever [Table] says.
func JudgeSuccess(r *Response) *sink.Error {
	if !r.Truncated {
		return nil
	}
	return &sink.Error{Err: fmt.Errorf("%s, but the answer did not end within %v; what it says is not known", statusText(r.Status), sink.Bytes(len(r.Body)))}
}

// Prefix returns err with the sink's name in front of its text, and with the same
// verdict; nil for nil, a nil *sink.Error included.
func Prefix(sinkName string, err error) error {
	if err == nil {
		return nil
	}
	var e *sink.Error
	if !errors.As(err, &e) {
		return fmt.Errorf("%s: %w", sinkName, err)
	}
	if e == nil {
		return nil
	}
	named := *e
	named.Err = fmt.Errorf("%s: %w", sinkName, cmp.Or(e.Err, error(e)))
	return &named
}

// describe returns the status and what is known of its reason.
func (r *Response) describe() string {
	text := statusText(r.Status)
	if r.Status >= 300 && r.Status < 400 {
		return text + r.redirectedTo()
	}
	if excerpt := r.Excerpt(); excerpt != "" {
		text += ": " + excerpt
	}
	return text
}

// redirectedTo says where a redirect leads, as far as that is no secret.
func (r *Response) redirectedTo() string {
	u, err := url.Parse(r.Header.Get("Location"))
	if err != nil || u.Hostname() == "" {
		return "; redirects on the same host are followed with redirects=true, if they are 307 or 308"
	}
	return " to " + r.oneLine(u.Scheme+"://"+u.Host) + "; change the URI if that is the right place"
}

func statusText(status int) string {
	return strings.TrimSpace(strconv.Itoa(status) + " " + http.StatusText(status))
}

// maxRetryAfter bounds what a Retry-After can mean.
const maxRetryAfter = 24 * time.Hour

// RetryAfter returns how long a Retry-After header (RFC 9110, section 10.2.3:
// seconds or a date) asks to wait from now: 0 without one, or if it is malformed,
// negative or in the past; at most a day.
func RetryAfter(h http.Header, now time.Time) time.Duration {
	text := strings.TrimSpace(h.Get("Retry-After"))
	if text == "" {
		return 0
	}
	if strings.Trim(text, "0123456789") == "" {
		seconds, err := strconv.ParseInt(text, 10, 64)
		if err != nil || seconds > int64(maxRetryAfter/time.Second) {
			return maxRetryAfter // an overflow
		}
		return time.Duration(seconds) * time.Second
	}
	date, err := http.ParseTime(text)
	if err != nil {
		return 0
	}
	return min(max(date.Sub(now), 0), maxRetryAfter)
}
