package main

// The peers are set up to write the record as log/slog's JSONHandler does,
// nanoseconds included, wherever their settings allow it.
const (
	nameFapilog      = "fapilog"
	nameSlog         = "log/slog JSONHandler"
	nameMulti        = "log/slog MultiHandler"
	nameSlogBuffered = "log/slog JSONHandler over bufio"
	nameSlogMulti    = "samber/slog-multi Fanout"
	namePhuslu       = "phuslu/log SlogNewJSONHandler"
	namePhusluBuf    = "phuslu/log SlogNewJSONHandler over bufio"
	namePhusluLogger = "phuslu/log Logger.Slog"
	namePhusluAsync  = "phuslu/log Logger.Slog over AsyncWriter"
	nameZap          = "zap Tee"
	nameZapBuffered  = "zap Tee over BufferedWriteSyncer"
	nameZapslog      = "zap Tee through zapslog"
	nameZerolog      = "zerolog MultiLevelWriter"
	nameZerologBuf   = "zerolog MultiLevelWriter over bufio"
	nameZerologDiode = "zerolog over diode"
	nameOTel         = "OpenTelemetry otelslog, BatchProcessor"
)

// keeping says what becomes of a record between the call and its destination.
type keeping int

const (
	inTheCall keeping = iota // it is written when the call returns
	buffers                  // it is in a buffer of the process, and nothing is dropped
	drops                    // likewise, and it is dropped when the buffer is full
)

// peer is a library in one way of using it. The texts are shown.
type peer struct {
	name   string
	module string // its path; empty: the standard library
	setup  string // what is chosen, and why
	slog   bool   // it is called through log/slog
	kept   keeping
	loses  string
	blocks string
	open   func(a arm, d destinations) (*subject, error)
}

const (
	pathPhuslu  = "github.com/phuslu/log"
	pathZap     = "go.uber.org/zap"
	pathZerolog = "github.com/rs/zerolog"

	losesBuffer  = "at a kill, what is in the buffer (256 KiB); a failed write also fails what comes after it"
	losesNothing = "what the destination refuses: the error goes nowhere"
	blocksAll    = "in every write: a slow destination holds the caller and what comes after it"
	blocksFlush  = "in the write that fills the buffer: all callers, while the destination is slow"
)

// peers are all of them, in the order in which they are shown.
var peers = []peer{
	{nameSlog, "", "as it is", true, inTheCall, losesNothing, blocksAll, openSlogJSON},
	{nameMulti, "", "a JSONHandler for each destination: it encodes once for each", true, inTheCall, losesNothing, blocksAll, openMultiHandler},
	{nameSlogBuffered, "", "bufio.Writer of 256 KiB behind a mutex, as it must be where something flushes it now and then", true, buffers, losesBuffer, blocksFlush, openSlogBuffered},
	{nameSlogMulti, "github.com/samber/slog-multi", "Fanout over a JSONHandler for each destination", true, inTheCall, losesNothing, blocksAll, openSlogMulti},
	{namePhuslu, pathPhuslu, "the library's drop-in for JSONHandler; io.MultiWriter for several destinations", true, inTheCall, losesNothing, blocksAll, openPhuslu},
	{namePhusluBuf, pathPhuslu, "the same over bufio as above", true, buffers, losesBuffer, blocksFlush, openPhusluBuffered},
	{namePhusluLogger, pathPhuslu, "the library's own logger as a slog handler; other names for two keys, durations in milliseconds", true, inTheCall, losesNothing, blocksAll, openPhusluLogger},
	{namePhusluAsync, pathPhuslu, "a channel of 4096 that waits when it is full, on a FileWriter (writev) where there is one file; SlogNewJSONHandler cannot use it: AsyncWriter.Write keeps the slice it is given",
		true, buffers, "at a kill, what is in the channel; errors go nowhere", "when the channel is full", openPhusluAsync},
	{nameZap, pathZap, "zap.New without caller, stack traces and sampling; NewTee encodes once for each destination", false, inTheCall, losesNothing, blocksAll, openZap},
	{nameZapBuffered, pathZap, "the same, a BufferedWriteSyncer of 256 KiB, its default, for each destination", false, buffers, losesBuffer, blocksFlush, openZapBuffered},
	{nameZapslog, pathZap, "zap's core under log/slog", true, inTheCall, losesNothing, blocksAll, openZapslog},
	{nameZerolog, pathZerolog, "no hooks; it encodes once and writes to each", false, inTheCall, losesNothing, blocksAll, openZerolog},
	{nameZerologBuf, pathZerolog, "the same over bufio as above", false, buffers, losesBuffer, blocksFlush, openZerologBuffered},
	{nameZerologDiode, pathZerolog, "size 1000, polled every 10 ms, as in its README", false, drops, "the oldest thousand when it is not read in time; at a kill, what is in it", "never", openZerologDiode},
	{nameOTel, "go.opentelemetry.io/contrib/bridges/otelslog", "BatchProcessor with its defaults: 2048 records, 512 a batch, every second; an exporter that discards", true, drops,
		"the oldest when its queue is full; at a kill, what is in it", "never", openOTel},
}

func peerNamed(name string) peer {
	for _, p := range peers {
		if p.name == name {
			return p
		}
	}
	panic("no such peer: " + name)
}

// price says what the peer's speed costs.
func (p peer) price() string {
	return "what it can lose: " + p.loses + "; where it blocks: " + p.blocks
}

// arm returns the peer as an arm.
func (p peer) arm(shape string, sinks int) arm {
	return arm{library: p.name, shape: shape, sinks: sinks, open: p.open}
}
