package fapilog

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/fapilog/fapilog/journal"
)

// maxQuarantine limits the bytes a sink's quarantine file may have.
const maxQuarantine = 100 << 20

// quarantineTries is how many failed writes a record sees before it is dropped
// instead.
const quarantineTries = 3

// quarantine keeps the records that a destination will never take in a file of
// JSON lines, one file a sink. It is opened for each batch of records: they are
// few.
type quarantine struct {
	path string // empty: there is none
}

// quarantined is a line of the file, but for its last member, "record": the
// record's bytes as they were.
type quarantined struct {
	Time   time.Time `json:"time"`
	Sink   string    `json:"sink"`
	ID     string    `json:"id"`
	Reason Reason    `json:"reason"`
	Error  string    `json:"error"`
}

func (q *quarantine) init(r route) {
	if r.delivery.Quarantine != "" {
		q.path = filepath.Join(r.delivery.Quarantine, fileName(r.name)+".jsonl")
	}
}

// fileName makes a sink's name fit for a file: letters, digits, dots, hyphens
// and underscores stay, and no name begins with a dot.
func fileName(name string) string {
	name = strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '.', r == '-', r == '_':
			return r
		}
		return '_'
	}, name)
	if strings.HasPrefix(name, ".") {
		name = "_" + name[1:]
	}
	return name
}

// setAside quarantines b's condemned records, or drops them where there is no
// quarantine or it fails for good. It reports whether b got any further.
func (d *delivery) setAside(b *batch, now time.Time) bool {
	if now.Before(b.notBefore) && !d.closing {
		d.at(b.notBefore)
		return false
	}
	why := "no quarantine is configured"
	if d.quarantine.path != "" {
		err := d.quarantine.write(d.name, b.condemned, now)
		if err == nil {
			d.leave(b, "")
			return true
		}
		why = d.noteError(err)
		if b.quarantines++; b.quarantines < quarantineTries && !d.closing {
			b.notBefore = now.Add(d.backoff(b.quarantines))
			return true
		}
	}
	d.leave(b, why)
	return true
}

// leave books b's condemned records as quarantined or, when that did not work,
// as dropped for their reasons.
func (d *delivery) leave(b *batch, failure string) {
	for _, c := range b.condemned {
		size := int64(len(c.record.JSON))
		if failure == "" {
			d.book(b, size, journal.Tally{Quarantined: 1})
			d.report(Event{Kind: EventQuarantine, Reason: c.reason, Count: 1, Err: c.err})
		} else {
			d.book(b, size, c.reason.tally(1))
			d.report(Event{Kind: EventDropped, Reason: c.reason, Count: 1, Err: c.err + "; " + failure})
		}
	}
	b.condemned, b.quarantines, b.notBefore = b.condemned[:0], 0, time.Time{}
}

// write appends the records and has them on disk before it returns. What was
// written of them before an error is cut off again, and what a process that was killed
// has left of a line is ended first.
func (q *quarantine) write(name string, records []condemned, now time.Time) (err error) {
	var lines []byte
	for _, c := range records {
		head, err := json.Marshal(quarantined{now, name, c.record.ID.String(), c.reason, c.err})
		if err != nil {
			return fmt.Errorf("quarantine: %w", err)
		}
		lines = append(lines, head[:len(head)-1]...)
		lines = append(lines, `,"record":`...)
		lines = append(lines, c.record.JSON...) // not through json.Marshal, which would change its bytes
		lines = append(lines, "}\n"...)
	}
	if err := os.MkdirAll(filepath.Dir(q.path), 0o700); err != nil {
		return fmt.Errorf("quarantine: %w", err)
	}
	f, err := os.OpenFile(q.path, os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("quarantine: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	info, err := f.Stat()
	if err != nil {
		return fmt.Errorf("quarantine: %w", err)
	}
	torn, err := tornAt(f, info.Size())
	if err != nil {
		return fmt.Errorf("quarantine: %w", err)
	}
	if torn {
		lines = append([]byte("\n"), lines...)
	}
	if info.Size()+int64(len(lines)) > maxQuarantine {
		return fmt.Errorf("quarantine: %s is full (%d bytes); move it away", q.path, int64(maxQuarantine))
	}
	n, err := f.Write(lines)
	if err == nil {
		err = f.Sync()
	}
	if err != nil {
		return errors.Join(fmt.Errorf("quarantine: %w", err), takeBack(f, info.Size(), n))
	}
	return nil
}

// tornAt reports whether the line before size has no end.
func tornAt(f *os.File, size int64) (bool, error) {
	if size == 0 {
		return false, nil
	}
	var last [1]byte
	_, err := f.ReadAt(last[:], size-1)
	return last[0] != '\n', err
}

// takeBack cuts off the n bytes that were appended to f at size. With a durable
// journal other processes of the service may append to it too: what they have
// written meanwhile stays, and so do the n bytes before it.
func takeBack(f *os.File, size int64, n int) error {
	info, err := f.Stat()
	if err != nil || info.Size() != size+int64(n) {
		return err
	}
	return f.Truncate(size)
}
