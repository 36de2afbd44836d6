package fapilog

import (
	"context"

	"github.com/fapilog/fapilog/sink"
)

// answer is the error of a call as it was read on the call's own goroutine. The methods
// of the error it was may be the user's, and panic, end their goroutine or never return;
// on the loop's they would do that to the delivery.
type answer struct {
	text    string
	timeout bool        // it was a context's deadline
	verdict *sink.Error // what it said more than "try again"; nil: nothing. Its errors are remarks
}

// remark is the text of an error.
type remark string

// answerOf returns err as an answer; nil for nil.
func answerOf(err error) error {
	if err == nil {
		return nil
	}
	a := &answer{text: errorText(err), timeout: isTimeout(err)}
	if e := judgement(err); e != nil {
		a.verdict = &sink.Error{Err: remarkOf(e.Err), Verdict: e.Verdict, After: e.After}
		for _, item := range e.Items {
			a.verdict.Items = append(a.verdict.Items, sink.ItemError{Index: item.Index, Verdict: item.Verdict, Err: remarkOf(item.Err)})
		}
	}
	return a
}

func remarkOf(err error) error {
	if err == nil {
		return nil
	}
	return remark(errorText(err))
}

// Error implements error.
func (a *answer) Error() string { return a.text }

// Unwrap returns the verdict.
func (a *answer) Unwrap() error {
	if a.verdict == nil {
		return nil
	}
	return a.verdict
}

// Is reports whether target is the deadline that a was.
func (a *answer) Is(target error) bool { return a.timeout && target == context.DeadlineExceeded }

// Error implements error.
func (r remark) Error() string { return string(r) }
