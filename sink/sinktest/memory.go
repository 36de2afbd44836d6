// Package sinktest is for tests of sinks, and with sinks.
//
// [Run] examines a sink: whether it keeps all the promises of [sink.Sink], whatever goes
// wrong between it and its server. See the example of a complete sink.
//
// [Memory] is a sink that keeps what it is given, and [Script] one that fails in the ways
// that are asked of it.
package sinktest

import (
	"context"
	"slices"
	"sync"

	"github.com/fapilog/fapilog/sink"
)

// Memory is a sink that keeps a copy of every record. The zero Memory is ready
// to use, and safe for concurrent use. It must not be copied.
type Memory struct {
	mu      sync.Mutex
	records []sink.Record
	closed  bool
	grown   chan struct{} // closed at the next Write; nil while nobody waits
}

// Write implements [sink.Sink]. It always delivers.
func (m *Memory) Write(_ context.Context, batch []sink.Record) error {
	batch = clone(batch)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.records = append(m.records, batch...)
	if m.grown != nil {
		close(m.grown)
		m.grown = nil
	}
	return nil
}

// Close implements [sink.Sink]. The records remain.
func (m *Memory) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed = true
	return nil
}

// Defaults implements [sink.Defaulter]: what is logged arrives within 5 ms.
func (m *Memory) Defaults() map[string]string { return localDefaults() }

// localDefaults are those of sinks that need no network.
func localDefaults() map[string]string { return map[string]string{"linger": "5ms"} }

// Records returns a copy of all records, in the order in which they came.
func (m *Memory) Records() []sink.Record {
	m.mu.Lock()
	defer m.mu.Unlock()
	return clone(m.records)
}

// Len returns the number of records.
func (m *Memory) Len() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.records)
}

// Closed reports whether Close has been called.
func (m *Memory) Closed() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.closed
}

// WaitFor returns once there are n records or more, or with ctx's error.
func (m *Memory) WaitFor(ctx context.Context, n int) error {
	for {
		m.mu.Lock()
		if len(m.records) >= n {
			m.mu.Unlock()
			return nil
		}
		if m.grown == nil {
			m.grown = make(chan struct{})
		}
		grown := m.grown
		m.mu.Unlock()
		select {
		case <-grown:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// clone copies the records along with their bytes, which a batch only lends.
func clone(records []sink.Record) []sink.Record {
	records = slices.Clone(records)
	for i := range records {
		records[i].JSON = slices.Clone(records[i].JSON)
	}
	return records
}
