package fapilog

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"

	"github.com/fapilog/fapilog/journal"
	"github.com/fapilog/fapilog/sink"
)

// Replay carries records, which have been logged before, to the sinks of cfg,
// waits until every sink has settled all of them, and closes the sinks. What it
// says of cfg is said at [NewReplayer].
//
// An error in records is not the end of them: the first one is returned, with the
// number of the others. When ctx ends, Replay does, within 100 ms of what records is
// about to yield then, as they cannot be interrupted; without a deadline it waits for
// a sink that fails for as long as the sink's settings do. The ledger tells what became
// of the records; the error is nil only if every record was accepted and none is left.
func Replay(ctx context.Context, cfg Config, records iter.Seq2[sink.Record, error]) (Stats, error) {
	r, err := NewReplayer(ctx, cfg)
	if err != nil {
		return Stats{}, err
	}
	// An append that waits for space ends when the pipeline is closed.
	cut := make(chan error, 1) // what Close has returned, once ctx has ended
	uncut := context.AfterFunc(ctx, func() { cut <- r.Close(ctx) })
	unread := r.writeAll(ctx, records)
	if err := r.Flush(ctx); err != nil {
		unread = errors.Join(unread, err)
	}
	var closed error
	if uncut() {
		closed = r.Close(ctx)
	} else {
		closed = <-cut
	}
	if unread == nil {
		unread = closed // else it has been said
	}
	return r.Stats(), unread
}

// writeAll offers every record until ctx ends, and returns the first error, with
// the number of others.
func (r *Replayer) writeAll(ctx context.Context, records iter.Seq2[sink.Record, error]) (first error) {
	others := 0
	for record, err := range records {
		if ctx.Err() != nil {
			return errors.Join(first, ctx.Err())
		}
		if err == nil {
			err = r.Write(ctx, record)
		}
		switch {
		case err == nil:
		case first == nil:
			first = err
		default:
			others++
		}
	}
	if others > 0 {
		return fmt.Errorf("%w (and %d more)", first, others)
	}
	return first
}

// Replayer is a pipeline for records that have an id already. It is safe for
// concurrent use.
type Replayer struct{ pipeline *Pipeline }

// NewReplayer opens a pipeline as [New] does, for records that were logged
// before. They reach the sinks with their ids, times, levels and bytes: nothing
// is masked or cut again. Its journal is in memory, so a Journal.Dir is a mistake.
// Where cfg does not say otherwise, records of all levels go to every sink, and
// Write waits while the journal is full.
func NewReplayer(ctx context.Context, cfg Config) (*Replayer, error) {
	if cfg.Journal.Dir != "" {
		return nil, configError([]error{errors.New("Journal.Dir is set: a replay needs no journal on disk, its records are in one already")})
	}
	if cfg.Level == nil {
		cfg.Level = sink.LevelAll
	}
	if cfg.Defaults.OnFull == 0 {
		cfg.Defaults.OnFull = Block
	}
	if cfg.Defaults.BlockTimeout == 0 {
		cfg.Defaults.BlockTimeout = Forever
	}
	p, err := New(ctx, cfg)
	if err != nil {
		return nil, err
	}
	p.replays = true // before the first record, and nobody asks before that is there
	return &Replayer{p}, nil
}

// Write offers a record to the sinks and takes a copy of it. Like Handle it
// returns when the journal has the record; an error says that it was not
// accepted.
func (r *Replayer) Write(ctx context.Context, record sink.Record) (err error) {
	p := r.pipeline
	c := p.offer()
	defer p.finish(c, &err)
	if p.inside(ctx) {
		c.outcome = refused
		return ErrReentrant
	}
	c.json = append(appendID(c.json, record.ID), record.JSON...)
	return p.append(c, record.Time, record.Level)
}

// Flush is [Pipeline.Flush].
func (r *Replayer) Flush(ctx context.Context) error { return r.pipeline.Flush(ctx) }

// Close is [Pipeline.Close].
func (r *Replayer) Close(ctx context.Context) error { return r.pipeline.Close(ctx) }

// Stats is [Pipeline.Stats].
func (r *Replayer) Stats() Stats { return r.pipeline.Stats() }

// idBytes is how much of a payload is the record's id where it was replayed.
const idBytes = len(sink.ID{}.Journal) + 8

func appendID(dst []byte, id sink.ID) []byte {
	return binary.BigEndian.AppendUint64(append(dst, id.Journal[:]...), id.Seq)
}

// replayedRecord returns what a sink gets for e, whose payload begins with the record's id.
func replayedRecord(e journal.Entry) sink.Record {
	r := sink.Record{Time: e.Time, Level: e.Level, JSON: e.Data[idBytes:]}
	r.ID.Seq = binary.BigEndian.Uint64(e.Data[copy(r.ID.Journal[:], e.Data):])
	return r
}
