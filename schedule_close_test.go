package fapilog

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing/synctest"
	"time"
)

// ending is how Close went.
type ending struct {
	called, returned time.Time
	stopped          time.Time // no delivery stopped before
}

// close calls Close as the plan says, and judges how it returns.
func (s *schedule) close() (e ending) {
	c := s.plan.close
	e.called = time.Now()
	s.closing.Store(&e.called)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	limit := e.called.Add(c.grace)
	if c.deadline > 0 {
		limit = e.called.Add(c.deadline)
		var release context.CancelFunc
		ctx, release = context.WithDeadline(ctx, limit)
		defer release()
	}
	if c.cancel > 0 {
		defer time.AfterFunc(c.cancel, cancel).Stop()
		limit = earlier(limit, e.called.Add(c.cancel))
	}
	if c.cancelled {
		cancel()
		limit = e.called
	}

	var first, second error
	var work sync.WaitGroup
	work.Go(func() {
		first = s.pipeline.Close(ctx)
		e.returned = time.Now()
	})
	synctest.Wait()
	if c.second {
		second = s.pipeline.Close(context.Background())
	}
	work.Wait()
	if c.second && !sameError(first, second) {
		s.problem("one Close returned %v, the other %v", first, second)
	}
	if over := e.returned.Sub(limit); over > 100*time.Millisecond {
		s.problem("Close returned %v after its deadline", over)
	}
	s.checkClosed(first)

	// Nothing tells when the deliveries stopped, but it was not before Close
	// had nothing to wait for.
	e.stopped = earlier(limit, e.returned.Add(-100*time.Millisecond))
	for _, k := range s.plan.sinks {
		if k.close == closeHangs {
			e.stopped = e.called
		}
	}
	if e.stopped.Before(e.called) {
		e.stopped = e.called
	}
	return e
}

// checkClosed compares what Close returned with the ledger.
func (s *schedule) checkClosed(err error) {
	s.checkUndelivered("Close", err)
	left := make(map[string]uint64)
	for _, row := range s.pipeline.Stats().Sinks {
		if row.Pending > 0 {
			left[row.Name] = row.Pending
		}
	}
	e, ok := errors.AsType[*UndeliveredError](err)
	if !ok {
		e = new(UndeliveredError)
	}
	for _, u := range e.Sinks {
		if left[u.Name] != u.Pending {
			s.problem("Close returned %v, but the ledger has %v left", err, left)
		}
		delete(left, u.Name)
	}
	if len(left) > 0 {
		s.problem("Close returned %v, but the ledger has also %v left", err, left)
	}
	if s.plan.healthy && err != nil {
		s.problem("everything was delivered, but Close returned %v", err)
	}
}

func sameError(a, b error) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Error() == b.Error()
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// account puts together what is known at the end.
func (s *schedule) account(dir string, e ending) *account {
	a := &account{
		plan:     s.plan,
		ending:   e,
		stats:    s.pipeline.Stats(),
		found:    s.found,
		appended: s.appended,
		closed:   s.closed.Load(),
		refused:  s.reentrant.Load(),
		drops:    s.drops,
		missed:   s.missed,
	}
	for i, k := range s.sinks {
		if len(k.running) > 0 {
			s.problem("%s: %d Writes have not returned", k.plan.name, len(k.running))
		}
		if k.closed != 1 {
			s.problem("%s: Close was called %d times, want once", k.plan.name, k.closed)
		}
		for _, err := range s.keepers[i].close() {
			s.problem("%s: %w", k.plan.name, err)
		}
		quarantine := filepath.Join(dir, k.plan.name)
		if k.plan.quarantine == journalQuarantine {
			quarantine = filepath.Join(dir, "journal", "quarantine")
		}
		lines, err := readQuarantine(filepath.Join(quarantine, k.plan.name+".jsonl"))
		if err != nil {
			s.problem("%s: %w", k.plan.name, err)
		}
		a.sinks = append(a.sinks, sinkAccount{
			plan: &a.plan.sinks[i], row: a.stats.Sinks[i], writes: k.writes, pings: k.pings, latePings: k.late, quarantined: lines,
		})
	}
	a.found = s.found
	return a
}

// quarantineLine is a line of a quarantine file.
type quarantineLine struct {
	Sink   string          `json:"sink"`
	ID     string          `json:"id"`
	Reason Reason          `json:"reason"`
	Record json.RawMessage `json:"record"`
}

func readQuarantine(path string) (lines []quarantineLine, err error) {
	data, err := os.ReadFile(path)
	if err != nil && (errors.Is(err, os.ErrNotExist) || isBroken(filepath.Dir(path))) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	scan := bufio.NewScanner(bytes.NewReader(data))
	for scan.Scan() {
		var l quarantineLine
		if err := json.Unmarshal(scan.Bytes(), &l); err != nil {
			return lines, err
		}
		lines = append(lines, l)
	}
	return lines, scan.Err()
}

// isBroken reports whether something that is no directory stands at dir.
func isBroken(dir string) bool {
	info, err := os.Stat(dir)
	return err == nil && !info.IsDir()
}
