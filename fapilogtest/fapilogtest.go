// Package fapilogtest lets a test look at what its code logs.
package fapilogtest

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"math"
	"testing"
	"time"

	"github.com/fapilog/fapilog"
	"github.com/fapilog/fapilog/encode"
	"github.com/fapilog/fapilog/sink/sinktest"
)

// Log is a pipeline that belongs to a test and keeps every record, of all
// levels. It is safe for concurrent use.
type Log struct {
	*fapilog.Pipeline
	tb     testing.TB
	memory *sinktest.Memory
}

// Record is a logged record, read back from its JSON. Its message is found where
// ReplaceAttr has renamed it to message.
type Record struct {
	Time    time.Time
	Level   slog.Level
	Message string
	Attrs   map[string]any // as encoding/json decodes them, numbers as float64, groups as maps; without the record's own time, level and message
	JSON    string
}

// New opens a pipeline with cfg and one more sink, whose records the Log keeps;
// the zero Config is enough. Where the journal is full a call waits for that sink,
// so that none is evicted before it is kept. The pipeline is closed at the end of the
// test, which fails if records are left in it then.
func New(tb testing.TB, cfg fapilog.Config) *Log {
	tb.Helper()
	memory := new(sinktest.Memory)
	cfg.Routes = append([]fapilog.Route{{
		Name:     "fapilogtest",
		Sink:     memory,
		Delivery: fapilog.Delivery{Level: slog.Level(math.MinInt32), OnFull: fapilog.Block, BlockTimeout: fapilog.Forever},
	}}, cfg.Routes...)
	p, err := fapilog.New(context.Background(), cfg)
	if err != nil {
		tb.Fatalf("fapilogtest: %v", err)
	}
	tb.Cleanup(func() {
		if err := p.Close(context.Background()); err != nil {
			tb.Errorf("fapilogtest: %v", err)
		}
	})
	return &Log{p, tb, memory}
}

// Records returns everything logged so far, in order.
func (l *Log) Records() []Record {
	l.tb.Helper()
	if err := l.Flush(context.Background()); err != nil {
		l.tb.Fatalf("fapilogtest: %v", err)
	}
	var records []Record
	for _, r := range l.memory.Records() {
		read := Record{Time: r.Time, Level: r.Level, JSON: string(r.JSON)}
		if err := read.decode(r.JSON); err != nil {
			l.tb.Fatalf("fapilogtest: %v in %s", err, r.JSON)
		}
		records = append(records, read)
	}
	return records
}

// decode reads r's message and attributes. The record's own members, of which the message is the
// last, come before the attributes, which may have the same names.
func (r *Record) decode(object []byte) error {
	_, _, _, message := encode.Meta(object)
	r.Message, r.Attrs = string(message), make(map[string]any)
	d := json.NewDecoder(bytes.NewReader(object))
	if _, err := d.Token(); err != nil { // the brace
		return err
	}
	seen := map[string]bool{}
	for own := true; d.More(); {
		key, err := d.Token()
		if err != nil {
			return err
		}
		var value any
		if err := d.Decode(&value); err != nil {
			return err
		}
		switch name := key.(string); {
		case own && !seen[name] && (name == slog.TimeKey || name == slog.LevelKey):
			seen[name] = true
		case own && (name == slog.MessageKey || name == "message") && value == r.Message:
			own = false
		default:
			r.Attrs[name] = value
		}
	}
	return nil
}

// Find returns the records with this message, in order.
func (l *Log) Find(message string) []Record {
	l.tb.Helper()
	var found []Record
	for _, r := range l.Records() {
		if r.Message == message {
			found = append(found, r)
		}
	}
	return found
}

// Want fails the test unless exactly one record has this level and message, and
// returns it.
func (l *Log) Want(level slog.Level, message string) Record {
	l.tb.Helper()
	var found []Record
	for _, r := range l.Find(message) {
		if r.Level == level {
			found = append(found, r)
		}
	}
	if len(found) != 1 {
		l.tb.Fatalf("%d records with level %v and message %q, want 1; logged were:\n%s", len(found), level, message, l)
	}
	return found[0]
}

// String returns what was logged so far, a record a line.
func (l *Log) String() string {
	l.tb.Helper()
	var lines []byte
	for _, r := range l.Records() {
		lines = append(append(lines, r.JSON...), '\n')
	}
	return string(lines)
}
