package sinktest

import (
	"fmt"
	"math"
	"net/http"
	"slices"
	"strconv"

	"github.com/fapilog/fapilog/sink"
)

// Row says what an answer means: either those with a status from First to Last, or
// one of the kinds that have a name.
type Row struct {
	Answer      Answer // empty: First and Last count
	First, Last int
	Delivered   bool
	Verdict     sink.Verdict // if not Delivered
	Remark      string       // why, in a few words; may be empty
}

// Answer is an answer with status 200 which is not what the server would say.
type Answer string

// The answers. A sink whose server has something definite to say with a success
// makes sure that it was said: otherwise a proxy's login page is taken for it.
const (
	HTMLPage   Answer = "200 with a page of HTML"
	NoBody     Answer = "200 without a body"
	PlainText  Answer = "200 with plain text"
	OtherJSON  Answer = "200 with JSON about something else"
	BrokenJSON Answer = "200 with JSON that breaks off"
	OtherType  Answer = "200 with the server's own answer under another content type"
)

// Answers returns all of them.
func Answers() []Answer {
	return []Answer{HTMLPage, NoBody, PlainText, OtherJSON, BrokenJSON, OtherType}
}

var table = []Row{
	{Answer: HTMLPage, Verdict: sink.Retry, Remark: "a proxy has answered"},
	{Answer: NoBody, Verdict: sink.Retry, Remark: "what became of the records was not said"},
	{Answer: PlainText, Verdict: sink.Retry, Remark: "something else has answered"},
	{Answer: OtherJSON, Verdict: sink.Retry, Remark: "something else has answered"},
	{Answer: BrokenJSON, Verdict: sink.Retry, Remark: "what became of the records was not said to its end"},
	{Answer: OtherType, Verdict: sink.Retry, Remark: "something else has answered"},
	{First: 200, Last: 299, Delivered: true, Remark: "if the whole answer came"},
	{First: 300, Last: 399, Verdict: sink.Park, Remark: "a redirect that is not followed"},
	{First: 401, Last: 401, Verdict: sink.Park, Remark: "credentials are missing or wrong"},
	{First: 402, Last: 402, Verdict: sink.Park, Remark: "the account is used up or not paid"},
	{First: 403, Last: 403, Verdict: sink.Park, Remark: "credentials do not suffice"},
	{First: 404, Last: 404, Verdict: sink.Park, Remark: "the path is wrong, or its route is gone"},
	{First: 405, Last: 406, Verdict: sink.Park, Remark: "the path is wrong, or the method: no record is to blame"},
	{First: 407, Last: 407, Verdict: sink.Park, Remark: "the proxy wants credentials"},
	{First: 408, Last: 408, Verdict: sink.Retry},
	{First: 410, Last: 411, Verdict: sink.Park, Remark: "the path is gone, or the form of the request wrong"},
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

// Table returns what answers mean to a sink over HTTP unless it says otherwise. The
// first row that has the answer counts.
func Table() []Row { return slices.Clone(table) }

// Verdicts returns the whole table of t: its own rows, and then those of [Table]. It
// is what [Run] examines, and fit to be printed.
func (t Target) Verdicts() []Row { return slices.Concat(t.Table, table) }

// Outcome returns what the table of t says of a status: "delivered", or the name of a
// verdict.
func (t Target) Outcome(status int) string { return outcomeOf(t.Verdicts(), status) }

// Case returns the answers that r is about, as text.
func (r Row) Case() string {
	switch {
	case r.Answer != "":
		return string(r.Answer)
	case r.First == r.Last:
		return strconv.Itoa(r.First)
	case r.First == 0:
		return "anything else"
	}
	return fmt.Sprintf("%d–%d", r.First, r.Last)
}

// Outcome returns "delivered" or the name of the verdict.
func (r Row) Outcome() string {
	if r.Delivered {
		return delivered
	}
	return r.Verdict.String()
}

// delivered is the outcome of a record for which there is no verdict.
const delivered = "delivered"

// outcomeOf returns what rows say of a status.
func outcomeOf(rows []Row, status int) string {
	i := slices.IndexFunc(rows, func(r Row) bool { return r.Answer == "" && r.First <= status && status <= r.Last })
	return rows[i].Outcome() // the last row has all
}

// outcomeOfAnswer returns what rows say of a named answer.
func outcomeOfAnswer(rows []Row, a Answer) string {
	i := slices.IndexFunc(rows, func(r Row) bool { return r.Answer == a })
	return rows[i].Outcome()
}

// statuses are those that are tried: all that have a name, and others that servers
// and what stands in front of them are known to send.
func statuses() (all []int) {
	others := []int{101, 218, 260, 299, 399, 419, 430, 440, 444, 460, 494, 495, 496, 497, 499, 509, 520, 521, 522, 523, 524, 525, 526, 529, 530, 561, 598, 599, 600, 999}
	for status := 101; status < 1000; status++ {
		if status >= 200 && http.StatusText(status) != "" || slices.Contains(others, status) {
			all = append(all, status)
		}
	}
	return all
}
