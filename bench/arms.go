package main

import "fmt"

// An arm is one library, set up in one way.
type arm struct {
	library string
	detail  string // what distinguishes arms of one library, or empty
	shape   string
	sinks   int
	open    func(a arm, d destinations) (*subject, error)
}

// A subject is an arm set up and ready.
type subject struct {
	log   func(n int)                     // logs the record n times; safe for concurrent use
	check func(calls int) (string, error) // waits for delivery; the ledger, and an error when the figure does not count; may be nil
	close func() error
}

const (
	nameFapilog      = "fapilog"
	namePhuslu       = "phuslu/log SlogNewJSONHandler"
	namePhusluLogger = "phuslu/log Logger.Slog" // the one peer whose records have other names
)

func (a arm) String() string {
	s := fmt.Sprintf("%s, %d", a.library, a.sinks)
	if a.detail != "" {
		s += ", " + a.detail
	}
	if a.shape == prebuilt {
		s += ", prebuilt"
	}
	return s
}

// allArms returns the arms in the order of the table. A library that has no
// fan-out of its own stands with one destination only.
func allArms(journalBytes int64, fanout []int) []arm {
	ours := pipeline{journalBytes: journalBytes}
	var arms []arm
	add := func(library, detail, shape string, sinks []int, open func(arm, destinations) (*subject, error)) {
		for _, n := range sinks {
			arms = append(arms, arm{library, detail, shape, n, open})
		}
	}
	one := []int{1}
	for _, shape := range []string{inCall, prebuilt} {
		add(nameFapilog, "", shape, fanout, ours.open)
		add(nameFapilog, "redaction off", shape, one, ours.withoutRedaction().open)
		add(namePhuslu, "", shape, one, openPhuslu)
		add(namePhusluLogger, "", shape, one, openPhusluLogger)
		add("log/slog JSONHandler", "", shape, one, openSlogJSON)
		add("log/slog MultiHandler", "", shape, fanout, openMultiHandler)
		add("samber/slog-multi Fanout", "", shape, fanout, openSlogMulti)
		add("zap Tee", "", shape, fanout, openZap)
		add("zap Tee through zapslog", "", shape, fanout, openZapslog)
		add("zerolog MultiLevelWriter", "", shape, fanout, openZerolog)
	}
	return arms
}
