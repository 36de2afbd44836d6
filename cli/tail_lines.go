package cli

import (
	"context"
	"errors"
	"log/slog"

	"github.com/fapilog/fapilog"
	"github.com/fapilog/fapilog/internal/follow"
)

// tailLines offers the lines of a file that is followed to a pipeline, joined into
// records if that is wanted. It implements [follow.Lines].
type tailLines struct {
	split *splitter
	err   error // why the pipeline takes no more
}

var _ follow.Lines = (*tailLines)(nil)

func newTailLines(m multiline, path string, p *fapilog.Pipeline) *tailLines {
	t := new(tailLines)
	file := slog.String("file", path)
	t.split = m.splitter(func(line []byte, size int64) {
		t.note(p.WriteLine(context.Background(), line, size, file))
	})
	t.split.emitAll = func(lines []byte) {
		t.note(p.WriteLines(context.Background(), lines, file))
	}
	return t
}

// note keeps the error that the pipeline is closed. Another is that of a line that no
// later process would take either. The ledger counts it.
func (t *tailLines) note(err error) {
	if errors.Is(err, fapilog.ErrClosed) {
		t.err = err
	}
}

// Write implements [follow.Lines].
func (t *tailLines) Write(piece []byte) error {
	t.split.write(piece)
	return t.err
}

// Held implements [follow.Lines].
func (t *tailLines) Held() int {
	if t.split.joiner == nil {
		return 0
	}
	return t.split.joiner.lines
}

// Release implements [follow.Lines].
func (t *tailLines) Release() error {
	if t.split.joiner != nil {
		t.split.joiner.release()
	}
	return t.err
}

// Drop implements [follow.Lines].
func (t *tailLines) Drop() { t.split.reset() }

// End implements [follow.Lines].
func (t *tailLines) End() error {
	t.split.end()
	return t.err
}
