// Package fapilog carries structured log records to several destinations at once.
// A sink can fail in any way it likes; the caller does not notice, the other sinks
// do not notice, and every record is accounted for.
//
// [Open] and [New] return a [Pipeline], whose [log/slog.Handler] is the front end. A
// record is encoded once, on the caller's goroutine, and appended once to a
// journal, which every sink reads at its own pace, with batches, deadlines,
// retries, a circuit breaker and a ledger of its own; see [Delivery] and [Stats].
//
// The journal is in memory, and what it holds ends with the process, unless
// Config.Journal.Dir or FAPILOG_JOURNAL names a directory: then a record whose
// call has returned outlives the process however that ends, though not a failure
// of the machine, and the next process that opens the directory delivers it. While
// the directory's disk fails, what comes is in memory; see [JournalStats].
package fapilog
