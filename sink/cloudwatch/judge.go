package cloudwatch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/fapilog/fapilog/sink"
	"github.com/fapilog/fapilog/sink/internal/httppost"
	"github.com/fapilog/fapilog/sink/internal/identity"
)

const (
	codeNotFound     = "ResourceNotFoundException"
	codeExists       = "ResourceAlreadyExistsException"
	codeAccepted     = "DataAlreadyAcceptedException"
	codeAccessDenied = "AccessDeniedException"
)

// Row says what some answers mean: errors of AWS with one of these codes, or, if there are none, other answers with
// such a status.
type Row struct {
	Codes       []string
	First, Last int // statuses
	Delivered   bool
	Verdict     sink.Verdict // if not Delivered
	Remark      string
}

// Answer returns what r is about, as Markdown: codes, or statuses.
func (r Row) Answer() string {
	if len(r.Codes) == 0 {
		return httppost.Row{First: r.First, Last: r.Last}.Statuses()
	}
	return "`" + strings.Join(r.Codes, "`, `") + "`"
}

// String returns the row as cells of a Markdown table: answer, outcome, remark.
func (r Row) String() string {
	return fmt.Sprintf("%s | %s | %s", r.Answer(), r.Outcome(), r.Remark)
}

// Outcome returns "delivered" or the name of the verdict.
func (r Row) Outcome() string {
	if r.Delivered {
		return "delivered"
	}
	return r.Verdict.String()
}

// table is what answers mean. The first row that has one counts. The codes are those of PutLogEvents,
// https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogEvents.html, and of all AWS services,
// https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/CommonErrors.html.
var table = []Row{
	{First: 200, Last: 299, Delivered: true, Remark: "if it is an answer of CloudWatch Logs; the events that rejectedLogEventsInfo names are rejected"},
	{Codes: []string{codeAccepted}, Delivered: true, Remark: "an older server has the batch already"},
	{Codes: []string{"ThrottlingException", "Throttling", "ThrottledException", "RequestThrottled", "RequestThrottledException",
		"TooManyRequestsException", "RequestLimitExceeded", "SlowDown"}, Verdict: sink.Throttled},
	{Codes: []string{codeNotFound}, Verdict: sink.Park, Remark: "with create=true group and stream are created, and the request is made again"},
	{Codes: []string{codeAccessDenied, "AccessDenied", "NotAuthorized", "OptInRequired", "UnauthorizedOperation"}, Verdict: sink.Park, Remark: "permissions"},
	{Codes: []string{"UnrecognizedClientException", "InvalidClientTokenId", "ExpiredTokenException", "ExpiredToken", "MissingAuthenticationToken",
		"MissingAuthenticationTokenException", "InvalidSignatureException", "SignatureDoesNotMatch", "IncompleteSignature", "IncompleteSignatureException"},
		Verdict: sink.Park, Remark: "credentials"},
	{Codes: []string{"LimitExceededException", "UnknownOperationException", "InvalidAction"}, Verdict: sink.Park, Remark: "a quota of groups, or not CloudWatch Logs"},
	{Codes: []string{"RequestExpired", "RequestTimeTooSkewed", "RequestInTheFuture"}, Verdict: sink.Retry, Remark: "the clock is wrong; the next request goes by the server's"},
	{Codes: []string{"InvalidSequenceTokenException"}, Verdict: sink.Retry, Remark: "an older server has stored nothing"},
	{Codes: []string{"ServiceUnavailableException", "ServiceUnavailable", "InternalFailure", "InternalServerError", "OperationAbortedException", "RequestTimeout"}, Verdict: sink.Retry},
	{Codes: []string{"InvalidParameterException", "SerializationException", "ValidationException", "ValidationError", "InvalidParameterValue"},
		Verdict: sink.Rejected, Remark: `the guilty record is searched for; "too large" in the text: too_large`},
	{Codes: []string{"RequestEntityTooLargeException", "RequestTooLargeException"}, Verdict: sink.TooLarge},
	{First: 300, Last: 399, Verdict: sink.Park, Remark: "redirects are not followed"},
	{First: 401, Last: 401, Verdict: sink.Park},
	{First: 403, Last: 404, Verdict: sink.Park},
	{First: 405, Last: 406, Verdict: sink.Park, Remark: "the endpoint is another server"},
	{First: 407, Last: 407, Verdict: sink.Park, Remark: "the proxy wants credentials"},
	{First: 410, Last: 411, Verdict: sink.Park},
	{First: 413, Last: 413, Verdict: sink.TooLarge},
	{First: 415, Last: 415, Verdict: sink.Park},
	{First: 426, Last: 426, Verdict: sink.Park},
	{First: 429, Last: 429, Verdict: sink.Throttled, Remark: "after Retry-After"},
	{First: 431, Last: 431, Verdict: sink.Park},
	{First: 0, Last: math.MaxInt, Verdict: sink.Retry, Remark: "also an unknown code, or an answer that is not from CloudWatch Logs; after Retry-After"},
}

// Table returns what answers mean; the first row that has one counts. What is no answer is a retry, but for missing
// credentials and unknown certificates, which park.
func Table() []Row { return slices.Clone(table) }

// verdictOf returns what an error means. code is that of AWS, or empty.
func verdictOf(code string, status int) Row {
	i := slices.IndexFunc(table, func(r Row) bool {
		if len(r.Codes) > 0 {
			return slices.Contains(r.Codes, code)
		}
		return r.First <= status && status <= r.Last && !r.Delivered // a success that is an error is none
	})
	return table[i]
}

// judge returns what becomes of a batch whose request ended with err: nil, or an error for the pipeline that says no more than it may.
func judge(ctx context.Context, err error) error {
	var judged *sink.Error
	var credentials *credentialsError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &judged):
		return judged
	case ctx.Err() != nil:
		return ctx.Err() // whatever it has led to
	case errors.As(err, &credentials):
		return judgeCredentials(credentials)
	}
	status, header := answerOf(err)
	code := codeOf(err)
	if status == 0 && code == "" {
		if identity.Refused(err) {
			return &sink.Error{Verdict: sink.Park, Err: describe(err)}
		}
		return describe(err)
	}
	e := &sink.Error{Err: describe(err), Verdict: verdictOf(code, status).Verdict}
	if e.Verdict == sink.Rejected && strings.Contains(strings.ToLower(err.Error()), "too large") {
		e.Verdict = sink.TooLarge
	}
	if e.Verdict == sink.Retry || e.Verdict == sink.Throttled {
		e.After = httppost.RetryAfter(header, time.Now())
	}
	return e
}

// judgeCredentials tells a service that gives credentials and is down from credentials that are not there.
func judgeCredentials(err error) *sink.Error {
	e := &sink.Error{Verdict: sink.Park, Err: fmt.Errorf("cloudwatch: no AWS credentials: %s", oneLine(err.Error()))}
	if status, header := answerOf(err); status >= 500 || status == http.StatusTooManyRequests {
		e.Verdict, e.After = sink.Retry, httppost.RetryAfter(header, time.Now())
	}
	return e
}

// codeOf returns the code of an error of AWS, or nothing.
func codeOf(err error) string {
	var api smithy.APIError
	if !errors.As(err, &api) {
		return ""
	}
	return api.ErrorCode()
}

// answerOf returns the status and the header of the answer that err is; 0: it is none.
func answerOf(err error) (int, http.Header) {
	var strange *strangerError
	if errors.As(err, &strange) {
		return strange.status, strange.header
	}
	var response *smithyhttp.ResponseError
	if errors.As(err, &response) && response.Response != nil {
		return response.HTTPStatusCode(), response.Response.Header
	}
	return 0, nil
}

// describe returns the operation and what happened, in one line. What AWS quotes of a request that is not signed
// well, its session token among it, stands in further lines.
func describe(err error) error {
	operation := "request"
	var op *smithy.OperationError
	if errors.As(err, &op) {
		operation = op.OperationName
	}
	return fmt.Errorf("cloudwatch: %s: %s", operation, oneLine(reason(err)))
}

func reason(err error) string {
	var (
		api     smithy.APIError
		strange *strangerError
		request *url.Error
	)
	switch {
	case errors.As(err, &strange):
		return strange.Error()
	case errors.As(err, &api):
		status, _ := answerOf(err)
		return fmt.Sprintf("%d %s: %s", status, api.ErrorCode(), api.ErrorMessage())
	case errors.As(err, &request):
		err = request.Err
	}
	var sent *smithyhttp.RequestSendError
	if errors.As(err, &sent) {
		err = sent.Err
	}
	var operation *smithy.OperationError
	if errors.As(err, &operation) {
		err = operation.Err
	}
	if errors.Is(err, io.EOF) {
		return "the connection was closed before an answer"
	}
	return err.Error()
}
