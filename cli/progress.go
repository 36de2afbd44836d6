package cli

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/fapilog/fapilog"
)

// redrawInterval is how often progress is drawn.
const redrawInterval = time.Second

// progress keeps a block of lines at the bottom of a terminal that says how things
// go. What others write to the terminal goes through it, and stands above the block.
//
// Its Write is safe for concurrent use. A terminal that is stuck, as after Ctrl-S,
// keeps nobody waiting but those who write to it.
type progress struct {
	w    io.Writer
	size func() screen // of the terminal, as it is now
	stop chan struct{} // closed by end: draw no more
	done chan struct{} // closed when nothing more is drawn; nil before begin

	turn chan struct{} // holds one value while somebody writes to w

	// Owned by whoever has the turn.
	block [][]byte // the lines that are on the terminal
}

// newProgress returns nil if nothing is to be shown: standard error is no terminal or
// a plain one, or records are written to a terminal as well, which would tear the
// block. A configuration that is wrong has nothing to show either.
func newProgress(std streams, cfg fapilog.Config) *progress {
	if plain() || screenOf(std.err) == (screen{}) {
		return nil
	}
	plan, err := cfg.Plan()
	if err != nil || writesTo(plan, "stderr") || screenOf(std.out) != (screen{}) && writesTo(plan, "stdout") {
		return nil
	}
	return showOn(std.err, func() screen { return screenOf(std.err) })
}

// writesTo reports whether a sink is a console of this scheme.
func writesTo(plan *fapilog.Plan, scheme string) bool {
	return slices.ContainsFunc(plan.Sinks, func(s fapilog.SinkPlan) bool { return s.Scheme == scheme })
}

func showOn(w io.Writer, size func() screen) *progress {
	return &progress{w: w, size: size, stop: make(chan struct{}), turn: make(chan struct{}, 1)}
}

// begin draws what stats returns, until end.
func (p *progress) begin(stats func() fapilog.Stats) {
	p.done = make(chan struct{})
	go func() {
		defer close(p.done)
		ticker := time.NewTicker(redrawInterval)
		defer ticker.Stop()
		last, since := stats(), time.Now()
		for {
			select {
			case now := <-ticker.C:
				if inBackground(p.w) { // where a shell, or another program, has the terminal
					continue
				}
				s := stats()
				p.draw(renderProgress(last, s, now.Sub(since), p.size()))
				last, since = s, now
			case <-p.stop:
				return
			}
		}
	}()
}

// end removes the block. What is written afterwards is all there is. It is called
// once, and waits for the terminal.
func (p *progress) end() {
	close(p.stop)
	if p.done != nil {
		<-p.done
	}
	p.draw(nil)
}

// draw replaces the block.
func (p *progress) draw(lines [][]byte) {
	p.turn <- struct{}{}
	defer func() { <-p.turn }()
	if len(lines)+len(p.block) > 0 {
		_, _ = p.w.Write(p.replace(nil, lines)) // a terminal that is gone shows nothing
	}
}

// Write implements io.Writer. text is whole lines.
func (p *progress) Write(text []byte) (int, error) {
	p.turn <- struct{}{}
	defer func() { <-p.turn }()
	if len(p.block) == 0 {
		return p.w.Write(text)
	}
	if _, err := p.w.Write(p.replace(text, p.block)); err != nil {
		return 0, err
	}
	return len(text), nil
}

// The sequences that move the cursor and erase (ECMA-48: CUU, EL, ED).
const (
	up           = "\x1b[%dA"
	eraseLineEnd = "\x1b[K"
	eraseBelow   = "\x1b[J"
)

// replace returns what puts text where the block begins, and lines under it. The
// cursor is in the line under the block, before and after.
func (p *progress) replace(text []byte, lines [][]byte) []byte {
	var b bytes.Buffer
	b.WriteByte('\r')
	if n := len(p.block); n > 0 {
		fmt.Fprintf(&b, up, n)
	}
	if len(text) > 0 {
		b.WriteString(eraseBelow)
		b.Write(text)
	}
	for _, l := range lines {
		b.Write(l)
		b.WriteString(eraseLineEnd + "\n")
	}
	b.WriteString(eraseBelow)
	p.block = lines
	return b.Bytes()
}
